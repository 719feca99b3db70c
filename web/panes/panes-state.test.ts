import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addTabs,
  allTabs,
  closeTab,
  emptyPanes,
  joinPanes,
  keyOf,
  moveTab,
  showTab,
  splitOff,
  type Tab,
} from './panes-state.ts';

const terminal = (name: string): Tab => ({ kind: 'terminal', name });
const three = addTabs(emptyPanes, [terminal('a'), terminal('b'), terminal('a'), { kind: 'file', path: 'x/y.yaml' }]);
const keys = (panes: typeof three) => panes.map(pane => [pane.shown, ...pane.tabs.map(keyOf)]);

test('tabs are added once, and the first is shown', () => {
  assert.deepEqual(keys(addTabs(three, [terminal('b')])), [
    ['terminal:a', 'terminal:a', 'terminal:b', 'file:x/y.yaml'],
  ]);
});

test('closing shows the neighbour; closing all leaves an empty pane', () => {
  assert.equal(closeTab(showTab(three, 'terminal:b'), 'terminal:b')[0].shown, 'file:x/y.yaml');
  const none = ['terminal:a', 'terminal:b', 'file:x/y.yaml'].reduce((panes, key) => closeTab(panes, key), three);
  assert.deepEqual(none, emptyPanes);
});

test('splitting, moving and joining lose no tab', () => {
  const split = splitOff(three, terminal('b'));
  assert.deepEqual(keys(split), [
    ['terminal:a', 'terminal:a', 'file:x/y.yaml'],
    ['terminal:b', 'terminal:b'],
  ]);
  assert.equal(moveTab(split, 'terminal:b').length, 1, 'a pane without tabs is gone');
  const moved = moveTab(split, 'terminal:a');
  assert.equal(moved[1]?.shown, 'terminal:a');
  assert.equal(allTabs(joinPanes(moved)).length, 3);
});

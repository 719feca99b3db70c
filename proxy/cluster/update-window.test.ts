import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { StatsStore } from '../stats/store.ts';
import { UpdateWindow } from './update-window.ts';

function windowOf(ms: number) {
  const store = new StatsStore();
  let applied = 0;
  const window = new UpdateWindow(ms, store, () => applied++);
  const value = (name: string) => store.counter(`cluster_manager.${name}`).value;
  const seen = () => [
    applied,
    ...['cluster_updated', 'cluster_updated_via_merge', 'update_merge_cancelled', 'update_out_of_merge_window'].map(
      value,
    ),
  ];
  return { window, seen };
}

test('of changes that may wait, the first is heard of at once and the others at the end of the window', t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { window, seen } = windowOf(1000);
  window.changed(true, 1);
  assert.deepEqual(seen(), [1, 0, 0, 0, 0], 'before the hosts are known, nothing waits or counts');
  window.open();
  window.changed(true, 1);
  window.changed(true, 1);
  window.changed(true, 1);
  assert.deepEqual(seen(), [2, 1, 0, 0, 1]);
  mock.timers.tick(1000);
  assert.deepEqual(seen(), [3, 1, 1, 0, 1]);
});

test('a change that may not wait takes along those that do', t => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { window, seen } = windowOf(1000);
  window.open();
  window.changed(true, 1);
  window.changed(true, 1);
  window.changed(false, 2);
  assert.deepEqual(seen(), [2, 3, 0, 2, 1]);
  mock.timers.tick(1000);
  assert.deepEqual(seen(), [2, 3, 0, 2, 1], 'nothing is left to be heard of');
});

test('without a window, nothing waits', () => {
  const { window, seen } = windowOf(0);
  window.open();
  window.changed(true, 1);
  window.changed(true, 1);
  assert.deepEqual(seen(), [2, 2, 0, 0, 0]);
});

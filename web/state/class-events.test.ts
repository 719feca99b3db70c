import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LearnerRow } from '../../server/api.ts';
import { cellState, inOrder } from './class-events.ts';

const row = (name: string, over: Partial<LearnerRow> = {}): LearnerRow => ({
  id: name,
  name,
  online: true,
  joinedAtMs: 0,
  lastSeenAtMs: 0,
  sandbox: { phase: 'none' },
  lesson: null,
  exercises: {},
  current: null,
  lastCheck: null,
  stuck: false,
  ...over,
});
const open = (openedAtMs: number, failures = 0) => ({
  passed: false,
  openedAtMs,
  passedAtMs: null,
  failures,
  solvedBy: null,
});

test('stuck ones rise to the top, longest first; those who are away sink', () => {
  const rows = [
    row('a', { online: false }),
    row('z'),
    row('late', { stuck: true, current: 'x', exercises: { x: open(20) } }),
    row('early', { stuck: true, current: 'x', exercises: { x: open(10) } }),
    row('b'),
  ];
  assert.deepEqual(
    inOrder(rows).map(one => one.name),
    ['early', 'late', 'b', 'z', 'a'],
  );
});

test('a cell tells passed, shown, at it, stuck, left and new', () => {
  const passed = { ...open(1), passed: true, passedAtMs: 2 };
  const exercises = {
    p: { ...passed, solvedBy: 'learner' as const },
    s: { ...passed, solvedBy: 'shown' as const },
    c: open(1),
    l: open(1, 2),
  };
  const one = row('a', { exercises, current: 'c' });
  assert.deepEqual(
    ['p', 's', 'c', 'l', 'n'].map(id => cellState(one, id)),
    ['passed', 'shown', 'open', 'failed', 'new'],
  );
  assert.equal(cellState({ ...one, stuck: true }, 'c'), 'stuck');
});

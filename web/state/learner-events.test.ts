import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExerciseState, LearnerEvent, LearnerState, TrafficRequest } from '../../server/api.ts';
import { addTraffic, applyEvent, isRunning, newlyPassed, trafficKept } from './learner-events.ts';

const state: LearnerState = {
  id: 'a',
  name: 'Ada',
  sandbox: { phase: 'none' },
  terminals: [],
  exercises: {},
  lesson: null,
  action: null,
  messages: [],
  followSlide: null,
  deletesAtMs: null,
  savingPaused: false,
};
const exercise = (passed: boolean): LearnerEvent => ({
  type: 'exercise',
  exercise: { id: 'x', passed } as ExerciseState,
});

test('events change what they name and nothing else', () => {
  const after = applyEvent(
    applyEvent(state, { type: 'sandbox', sandbox: { phase: 'queued', place: 2 } }),
    exercise(false),
  );
  assert.deepEqual(after.sandbox, { phase: 'queued', place: 2 });
  assert.equal(after.exercises['x']?.passed, false);
  assert.equal(after.name, 'Ada');
  assert.equal(applyEvent(state, { type: 'notice', text: 'x' }), state);
  assert.equal(applyEvent(state, { type: 'saving', paused: true }).savingPaused, true);
});

test('a message that comes twice is there once', () => {
  const event: LearnerEvent = { type: 'message', message: { id: '1', text: 'x', atMs: 1 } };
  assert.equal(applyEvent(applyEvent(state, event), event).messages.length, 1);
});

test('an exercise is newly passed once, and not by a state that is loaded', () => {
  assert.deepEqual(newlyPassed(state, exercise(true)), ['x']);
  assert.deepEqual(newlyPassed(applyEvent(state, exercise(true)), exercise(true)), []);
  assert.deepEqual(newlyPassed(null, exercise(true)), []);
});

test('the last requests stand first, and are bounded', () => {
  const requests = Array.from({ length: 300 }, (_, atMs) => ({ atMs }) as TrafficRequest);
  const kept = addTraffic(addTraffic([], requests.slice(0, 200)), requests.slice(200));
  assert.equal(kept.length, trafficKept);
  assert.equal(kept[0]?.atMs, 299);
});

test('an action runs until it failed or its steps are done', () => {
  const action = {
    kind: 'solve',
    lesson: '2.6',
    exercise: 'x',
    failure: null,
    steps: [{ title: 'a', done: false }],
  } as const;
  assert.ok(isRunning({ ...action, steps: [...action.steps] }));
  assert.ok(!isRunning({ ...action, steps: [], failure: null }));
  assert.ok(!isRunning({ ...action, steps: [...action.steps], failure: 'no' }));
});

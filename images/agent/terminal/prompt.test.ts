import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PromptState } from './prompt.ts';

const say = (state: PromptState, marks: string): void => {
  for (const mark of marks.split(' '))
    state.mark({ mark: mark[0] as 'A', status: mark.length > 1 ? Number(mark.slice(1)) : null });
};

test('a prompt that is only drawn again is no new one', () => {
  const state = new PromptState();
  say(state, 'A B');
  assert.deepEqual([state.prompts, state.atPrompt], [1, true]);
  state.taken();
  say(state, 'A B');
  assert.deepEqual([state.prompts, state.atPrompt], [1, false]);
  say(state, 'C D4 A B');
  assert.deepEqual([state.prompts, state.atPrompt, state.lastStatus], [2, true, 4]);
});

test('a shell in a shell has prompts, and an empty line gives a new one', () => {
  const state = new PromptState();
  say(state, 'A B C A B');
  assert.deepEqual([state.prompts, state.atPrompt], [2, true]);
  say(state, 'D0 A B');
  assert.equal(state.prompts, 3);
});

test('waits end when they come true, when time is up, and when the caller gives up', async () => {
  const state = new PromptState();
  const reached = state.wait(({ atPrompt }) => atPrompt, 1000);
  say(state, 'A B');
  assert.equal(await reached, true);
  assert.equal(await state.wait(({ ended }) => ended, 1), false);
  const abort = new AbortController();
  const given = state.wait(({ ended }) => ended, 1000, abort.signal);
  abort.abort();
  assert.equal(await given, false);
});

test('a shell starts until its first prompt, and again when a new one is started', () => {
  const state = new PromptState();
  state.started();
  assert.equal(state.starting, true);
  say(state, 'A B');
  assert.equal(state.starting, false);
  say(state, 'C');
  assert.equal(state.starting, false);
  state.started();
  assert.equal(state.starting, true);
});

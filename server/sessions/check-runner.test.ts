import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { FakeAgent } from '../checks/fake-agent.ts';
import { exercise } from '../checks/fake-world.ts';
import type { Log } from '../log.ts';
import { CheckRunner } from './check-runner.ts';
import type { Progress } from './progress.ts';
import type { SessionServices } from './services.ts';

/** Longer than what was changed may take until it has effect. */
const longMs = 60_000;
const turn = () => new Promise(setImmediate);

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
});

async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    mock.timers.tick(50);
    await turn();
  }
}

/** A learner who has exercises open, whose checks want a port to listen. */
function learnerWith(state: { listens: boolean; looked?: () => void }, ids = ['x']) {
  let [runs, passed] = [0, false];
  const order: string[] = [];
  const open = exercise({
    ...{ id: 'listens', title: 'it listens', hint: null },
    ...{ type: 'process', program: 'httpbin', port: 8000, address: null },
  });
  const agent = new FakeAgent({
    'process.list': () => {
      runs++;
      state.looked?.();
      return { processes: [{ pid: 7, parent: 1, user: 1000, command: ['/o/httpbin'], startedMs: 0 }] };
    },
    'port.list': () => ({ ports: state.listens ? [{ address: '0.0.0.0', port: 8000, pid: 7 }] : [] }),
  });
  const progress = {
    exercise: (id: string) => {
      order.push(id);
      return open;
    },
    record: () => ({ passedAtMs: passed ? 1 : null, answer: null }),
    take: async (_id: string, results: { state: string }[]) => {
      passed = results.every(({ state: one }) => one === 'passed');
      return true;
    },
  };
  const services = {
    store: { claimChecks: async () => true, releaseChecks: async () => {} },
    replicas: { id: 'r' },
    metrics: { checksRun: () => {} },
    log: { error: assert.fail, warn: assert.fail } as unknown as Log,
  };
  const runner = new CheckRunner({
    ...{ learner: 'l', services: services as unknown as SessionServices, progress: progress as unknown as Progress },
    ...{ agent: () => agent, open: () => ids, counts: () => true, changed: () => {} },
  });
  return { runner, runs: () => runs, passed: () => passed, order };
}

test('what takes effect a moment after it was changed passes by itself', async () => {
  const state = { listens: false };
  const { runner, runs, passed } = learnerWith(state);
  runner.scheduleTwice();
  await pass(1000);
  assert.deepEqual([runs(), passed()], [1, false]);
  // nobody tells of it
  state.listens = true;
  await pass(longMs);
  assert.deepEqual([runs(), passed()], [2, true]);
});

test('it looks once more after the last of many changes, and then rests', async () => {
  const { runner, runs } = learnerWith({ listens: false });
  for (let change = 0; change < 10; change++) {
    runner.scheduleTwice();
    await pass(100);
  }
  await pass(500);
  const before = runs();
  await pass(longMs);
  assert.equal(runs(), before + 1);
});

test('what has effect at once is looked at once', async () => {
  const { runner, runs } = learnerWith({ listens: false });
  runner.schedule();
  await pass(longMs);
  assert.equal(runs(), 1);
});

test('a runner that is paused or stopped looks at nothing', async () => {
  const { runner, runs } = learnerWith({ listens: false });
  runner.scheduleTwice();
  runner.pause();
  runner.scheduleTwice();
  await pass(longMs);
  assert.equal(runs(), 0);
  runner.resume();
  await pass(longMs);
  assert.equal(runs(), 2);
  runner.scheduleTwice();
  await runner.stop();
  await pass(longMs);
  assert.equal(runs(), 2);
});

test('what changes while checks run is looked at before the exercises behind, which then have their turn', async () => {
  let changes = 1;
  const looked = () => changes-- > 0 && runner.schedule();
  const { runner, order } = learnerWith({ listens: false, looked }, ['a', 'b', 'c', 'd']);
  runner.schedule();
  await pass(longMs);
  assert.equal(order.join(' '), 'a b a c d b');
});

test('however often something changes, each exercise has its turn', async () => {
  let changes = 7;
  const looked = () => changes-- > 0 && runner.schedule();
  const { runner, order } = learnerWith({ listens: false, looked }, ['a', 'b', 'c', 'd']);
  runner.schedule();
  await pass(longMs);
  assert.equal(order.join(' '), 'a b a c a d a b a c d b');
});

test('who asks is answered before the exercises that are behind', async () => {
  let answered = 0;
  const looked = () => {
    if (order.join(' ') === 'a') void runner.runNow('d').then(() => (answered = order.length));
  };
  const { runner, order } = learnerWith({ listens: false, looked }, ['a', 'b', 'c', 'd']);
  runner.schedule();
  await pass(longMs);
  assert.equal(order.join(' '), 'a d a b c d');
  assert.equal(answered, 2);
});

test('an answer that comes before what was to be looked at puts nothing off', async () => {
  const { runner, order } = learnerWith({ listens: false }, ['a', 'b']);
  runner.schedule();
  void runner.runNow('b');
  await pass(longMs);
  assert.equal(order.join(' '), 'b a b');
});

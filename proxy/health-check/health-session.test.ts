import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { hostAt } from '../../test/fixtures/upstream-host.ts';
import { StatsStore } from '../stats/store.ts';
import { CheckerStats } from './checker-stats.ts';
import { HealthSession } from './health-session.ts';
import type { Finding, Probe } from './probe.ts';

/** Answers when it is told to. */
class FakeProbe implements Probe {
  found: ((finding: Finding) => void) | undefined;
  looks = 0;
  aborted = 0;

  look(found: (finding: Finding) => void): void {
    this.looks++;
    this.found = found;
  }

  abort(): void {
    this.aborted++;
    this.found = undefined;
  }
}

const intervals = { healthy: 1000, healthyEdge: 100, unhealthy: 5000, unhealthyEdge: 200 };

/** A host that was never looked at, as a cluster makes it. */
function session(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const store = new StatsStore();
  const stats = new CheckerStats(store.scope('cluster.a.'));
  const host = hostAt(1);
  host.flag('failed_active_hc', true);
  const probe = new FakeProbe();
  const changes: string[] = [];
  const made = new HealthSession(
    host,
    probe,
    {
      ...{ timeoutMs: 300, unhealthyThreshold: 2, healthyThreshold: 3, initialDelayMs: () => 0, stats },
      nextIntervalMs: (state, pending) => intervals[pending ? (`${state}Edge` as const) : state],
    },
    { onChecked: (_, passed, changed) => changes.push(`${passed ? 'passed' : 'failed'}${changed ? ', changed' : ''}`) },
  );
  context.after(() => made.stop());
  made.start();
  const find = (...findings: Finding[]) => {
    for (const finding of findings) {
      assert.ok(probe.found, `a look for ${finding}`);
      probe.found(finding);
      probe.found = undefined;
      context.mock.timers.tick(5000);
    }
  };
  const healthy = () => store.gauge('cluster.a.health_check.healthy').value;
  const counted = (name: string) => store.counter(`cluster.a.health_check.${name}`).value;
  return { made, host, probe, changes, find, healthy, counted, tick: (ms: number) => context.mock.timers.tick(ms) };
}

test('the first look decides at once; later it takes several in a row, either way', context => {
  const { host, find, changes, healthy } = session(context);
  find('healthy');
  assert.deepEqual([host.health, changes, healthy()], ['healthy', ['passed, changed'], 1]);
  find('unreachable', 'healthy', 'retriable');
  assert.equal(host.health, 'healthy');
  find('unreachable');
  assert.deepEqual([host.healthFlags, healthy()], ['/failed_active_hc', 0]);
  find('healthy', 'healthy', 'unreachable', 'healthy', 'healthy');
  assert.equal(host.health, 'unhealthy');
  find('healthy');
  assert.equal(host.health, 'healthy');
});

test('a host that says itself that it is not well is taken out at once', context => {
  const { host, find, counted } = session(context);
  find('healthy', 'unhealthy');
  assert.equal(host.health, 'unhealthy');
  assert.deepEqual([counted('failure'), counted('network_failure'), counted('attempt')], [1, 0, 3]);
});

test('the next look comes by what was found, and sooner while it takes more to be sure', context => {
  const { probe, tick } = session(context);
  const next = (finding: Finding): number => {
    const before = probe.looks;
    probe.found!(finding);
    let ms = 0;
    for (; probe.looks === before; ms += 50) tick(50);
    return ms;
  };
  assert.equal(next('healthy'), 1000);
  assert.equal(next('healthy'), 1000);
  assert.equal(next('unreachable'), 200);
  assert.equal(next('unreachable'), 5000);
  assert.equal(next('unreachable'), 5000);
  assert.equal(next('healthy'), 100);
});

test('no answer in time gives the look up, and is told as such', context => {
  const { host, probe, find, tick, counted } = session(context);
  find('healthy');
  for (let i = 0; i < 2; i++) {
    tick(300);
    tick(200);
  }
  assert.deepEqual([probe.aborted, counted('network_failure')], [2, 2]);
  assert.equal(host.healthFlags, '/failed_active_hc/active_hc_timeout');
});

test('one that is stopped looks no more, and is counted no more', context => {
  const { made, probe, find, healthy, tick } = session(context);
  find('healthy');
  made.stop();
  const { looks } = probe;
  tick(10_000);
  assert.deepEqual([probe.looks, healthy()], [looks, 0]);
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { hostAt } from '../../test/fixtures/upstream-host.ts';
import { OutlierDetectionSchema } from '../api/envoy/config/cluster/v3/outlier_detection_pb.js';
import { StatsStore } from '../stats/store.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { ejectionThreshold } from './success-rate.ts';

/** A detector with its hosts, and a clock that stands still until it is moved. */
function detector(
  context: TestContext,
  configuration: MessageInitShape<typeof OutlierDetectionSchema>,
  runtime: Record<string, number> = {},
) {
  let nowMs = 0;
  context.mock.timers.enable({ apis: ['setTimeout'] });
  context.mock.method(performance, 'now', () => nowMs);
  const store = new StatsStore();
  const hosts = [1, 2, 3, 4, 5].map(port => hostAt(port));
  const values = {
    version: 1,
    get: () => undefined,
    getNumber: (key: string, byDefault: number) => runtime[key] ?? byDefault,
  };
  const made = new OutlierDetector(
    create(OutlierDetectionSchema, { maxEjectionPercent: 40, ...configuration }),
    store.scope('cluster.a.'),
    values,
    () => {},
  );
  made.setHosts(hosts);
  context.after(() => made.stop());
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      nowMs += 1000;
      context.mock.timers.tick(1000);
    }
  };
  const fail = (index: number, times: number) => {
    for (let i = 0; i < times; i++) hosts[index]!.outlier!.responded(500);
  };
  const ejected = () => hosts.filter(one => one.has('failed_outlier_check')).map(({ port }) => port);
  const counted = (name: string) => store.counter(`cluster.a.outlier_detection.ejections_${name}`).value;
  const active = () => store.gauge('cluster.a.outlier_detection.ejections_active').value;
  return { made, store, hosts, pass, fail, ejected, counted, active };
}

test('each ejection lasts longer than the one before, up to the maximum, and less long after good times', context => {
  const { pass, fail, ejected } = detector(context, {
    ...{ interval: { seconds: 1n }, baseEjectionTime: { seconds: 10n }, maxEjectionTime: { seconds: 25n } },
  });
  const lasts = (): number => {
    fail(0, 5);
    assert.deepEqual(ejected(), [1]);
    let seconds = 0;
    for (; ejected().length > 0; seconds++) pass(1);
    return seconds;
  };
  assert.deepEqual([lasts(), lasts(), lasts(), lasts()], [10, 20, 25, 25]);
  pass(60);
  assert.equal(lasts(), 10);
});

test('not more hosts than may be are ejected; those that may not begin to count anew', context => {
  const { fail, ejected, counted, active } = detector(context, {});
  for (const index of [0, 1, 2]) fail(index, 5);
  assert.deepEqual([ejected(), counted('overflow'), active()], [[1, 2], 1, 2]);
  fail(2, 4);
  assert.equal(counted('overflow'), 1);
  fail(2, 1);
  assert.equal(counted('overflow'), 2);
});

test('a host that leaves while it is ejected makes room for another one', context => {
  const { made, hosts, fail, ejected, active } = detector(context, { maxEjectionPercent: 25 });
  fail(0, 5);
  fail(1, 5);
  assert.deepEqual(ejected(), [1]);
  made.setHosts(hosts.slice(1));
  assert.equal(active(), 0);
  fail(1, 5);
  assert.deepEqual(ejected(), [1, 2]);
});

test('a cluster that takes the place of another counts its own ejections, though they share a gauge', context => {
  const { fail, ejected, active, store } = detector(context, { maxEjectionPercent: 20 });
  fail(0, 5);
  const hosts = [6, 7, 8, 9, 10].map(port => hostAt(port));
  const configuration = create(OutlierDetectionSchema, { maxEjectionPercent: 20 });
  const next = new OutlierDetector(configuration, store.scope('cluster.a.'), undefined, () => {});
  next.setHosts(hosts);
  context.after(() => next.stop());
  for (let i = 0; i < 5; i++) hosts[0]!.outlier!.responded(500);
  assert.deepEqual([ejected(), hosts[0]!.health, active()], [[1], 'unhealthy', 2]);
});

test('a success between failures begins the count anew; a gateway failure is one of both kinds', context => {
  const { hosts, fail, counted } = detector(context, { consecutiveGatewayFailure: 2 });
  fail(0, 4);
  hosts[0]!.outlier!.responded(404);
  fail(0, 4);
  assert.equal(counted('detected_consecutive_5xx'), 0);
  for (const status of [503, 500, 504, 502]) hosts[1]!.outlier!.responded(status);
  assert.deepEqual([counted('detected_consecutive_gateway_failure'), counted('enforced_total')], [1, 0]);
  hosts[1]!.outlier!.timedOut();
  assert.equal(counted('detected_consecutive_5xx'), 1);
});

test('a host far below the others is ejected by its rate, judged by the interval before', context => {
  const { hosts, pass, ejected, counted, made } = detector(context, {
    ...{ interval: { seconds: 1n }, successRateRequestVolume: 10, consecutive5xx: 1000 },
  });
  const serve = (good: number[]) => {
    for (const [index, one] of hosts.entries())
      for (let i = 0; i < 10; i++) one.outlier!.responded(i < good[index]! ? 200 : 500);
  };
  serve([5, 10, 10, 10, 10]);
  assert.deepEqual(ejected(), []);
  pass(1);
  assert.deepEqual([ejected(), counted('enforced_success_rate')], [[1], 1]);
  assert.deepEqual(made.rates.external, { average: 90, threshold: 52 });
  assert.equal(hosts[0]!.successRate, 50);
  pass(1);
  assert.deepEqual([made.rates.external.average, hosts[0]!.successRate], [-1, -1]);
});

test('the runtime has the last word', context => {
  const { fail, ejected } = detector(context, {}, { 'outlier_detection.consecutive_5xx': 1 });
  fail(3, 1);
  assert.deepEqual(ejected(), [4]);
});

test('the threshold is so many standard deviations below the mean', () => {
  assert.deepEqual(ejectionThreshold([50, 100, 100, 100, 100], 1.9), { mean: 90, threshold: 52 });
});

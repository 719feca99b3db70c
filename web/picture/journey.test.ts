import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrafficRequest } from '../../server/api.ts';
import { bars, homePath, hostsOf, isExplained, journey, nameOf, triesAt } from './journey.ts';

const attempt = (status: number | null, startMs: number, durationMs = 2, flag = '-') => ({
  host: '127.0.0.2:8000',
  status,
  flag,
  startMs,
  durationMs,
});
const request = (over: Partial<TrafficRequest> = {}): TrafficRequest => ({
  atMs: 1_700_000_000_000,
  requestId: 'r',
  listener: 'l',
  method: 'GET',
  path: '/',
  authority: 'a',
  status: 200,
  flags: '-',
  durationMs: 100,
  cluster: 'httpbin',
  explainedAt: '127.0.0.1:9901',
  attempts: [attempt(500, 0), attempt(200, 50)],
  ...over,
});

test('a request is drawn try by try, in order, failed ones as failed', () => {
  const legs = journey(request());
  assert.deepEqual(
    legs.map(leg => `${leg.from}>${leg.to}`),
    ['client>proxy', 'proxy>upstream', 'upstream>proxy', 'proxy>upstream', 'upstream>proxy', 'proxy>client'],
  );
  assert.deepEqual(
    legs.map(leg => leg.failed),
    [false, false, true, false, false, false],
  );
  for (const [index, leg] of legs.entries())
    if (index > 0) assert.ok(leg.startMs >= legs[index - 1]!.startMs + legs[index - 1]!.durationMs);
});

test('an answer of the proxy’s own goes no further, and carries its flag', () => {
  const legs = journey(request({ status: 503, flags: 'NR', attempts: [] }));
  assert.deepEqual(
    legs.map(leg => leg.mark),
    ['', '503 NR'],
  );
});

test('a try without an answer is a failed one', () => {
  assert.equal(journey(request({ attempts: [attempt(null, 0, 5000, 'UT')] }))[2]?.mark, 'UT');
});

test('tries lie on the request’s time line, by offset or by time of day', () => {
  const byOffset = bars(request());
  const byClock = bars(request({ attempts: [attempt(500, 1_700_000_000_000), attempt(200, 1_700_000_000_050)] }));
  assert.deepEqual(byOffset, byClock);
  assert.deepEqual(
    byOffset.map(bar => bar.left),
    [0, 50],
  );
  assert.deepEqual(bars(request({ durationMs: 0, attempts: [] })), []);
});

test('hosts are listed once, by name', () => {
  assert.deepEqual(hostsOf([request(), request()], 3), ['127.0.0.2:8000']);
});

test('hosts of one cluster are told apart by their ports, and how many tries came to each is counted', () => {
  const at = (port: number, cluster = 'httpbin') =>
    request({ cluster, attempts: [{ ...attempt(200, 0), host: `127.0.0.2:${port}` }] });
  const requests = [at(8001), at(8002), at(8001), at(8003, 'other')];
  const hosts = hostsOf(requests, 3);
  assert.deepEqual(
    hosts.map(host => nameOf(host, hosts, requests)),
    ['httpbin:8001', 'httpbin:8002', 'other'],
  );
  assert.deepEqual(triesAt(hosts, requests), [2, 1, 1]);
  assert.equal(nameOf('', [''], []), 'httpbin');
});

test('a request is explained where its proxy can be asked by its id', () => {
  assert.ok(isExplained(request()));
  assert.ok(!isExplained(request({ explainedAt: '' })) && !isExplained(request({ requestId: '' })));
});

test('files of the home are those that the editor can open', () => {
  const names = ['proxy.yaml', './a/b.yaml', '/home/learner/proxy.yaml', '/etc/x.yaml', '../x.yaml', '--config-yaml'];
  assert.deepEqual(names.map(homePath), ['proxy.yaml', 'a/b.yaml', 'proxy.yaml', null, null, null]);
});

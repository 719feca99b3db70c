import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatsStore, sanitizeStatsName } from './store.ts';

test('one name is one stat, through scopes too', () => {
  const store = new StatsStore();
  const scope = store.scope('cluster.a.').scope('retry.');
  scope.counter('upstream_rq_500').add(3);
  assert.equal(store.counter('cluster.a.retry.upstream_rq_500').value, 3);
});

test('resetting zeroes counters and leaves gauges', () => {
  const store = new StatsStore();
  store.counter('c').increment();
  store.gauge('g').set(2);
  store.resetCounters();
  assert.deepEqual([store.counter('c').value, store.counter('c').used, store.gauge('g').value], [0, true, 2]);
});

test('a histogram shows what was flushed, and the last interval apart', () => {
  const histogram = new StatsStore().histogram('h');
  histogram.record(1);
  assert.equal(histogram.used, false);
  histogram.flush();
  histogram.record(2);
  histogram.flush();
  assert.deepEqual([histogram.cumulative.count, histogram.interval.count], [2, 1]);
  histogram.flush();
  assert.deepEqual([histogram.cumulative.count, histogram.interval.count], [2, 0]);
});

test('a scope can be removed', () => {
  const store = new StatsStore();
  store.counter('cluster.a.x');
  store.counter('cluster.ab.x');
  store.removeScope('cluster.a.');
  assert.deepEqual([...store.counters.keys()], ['cluster.ab.x']);
});

test('what is made later is there for who looks at all, and not where its scope was removed meanwhile', () => {
  const store = new StatsStore();
  for (const name of ['a', 'b']) store.scope(`cluster.${name}.`).makeLater(scope => scope.counter('x'));
  assert.deepEqual([store.counters.size, store.has('cluster.a.'), store.has('cluster.c.')], [0, true, false]);
  store.removeScope('cluster.b.');
  assert.equal(store.has('cluster.b.'), false);
  store.counter('cluster.a.x').increment();
  store.scope('cluster.c.').makeLater(scope => scope.counter('x'));
  const shown = [...store.complete().counters.values()].map(({ name, value }) => [name, value]);
  assert.deepEqual(shown, [
    ['cluster.a.x', 1],
    ['cluster.c.x', 0],
  ]);
  assert.deepEqual([...store.counters.keys()], ['cluster.a.x']);
  assert.deepEqual([store.has('cluster.a.'), store.has('cluster.c.')], [true, true]);
});

test('names are made safe as Envoy does', () => {
  assert.equal(sanitizeStatsName('127.0.0.1:80'), '127.0.0.1_80');
  assert.equal(sanitizeStatsName('http://a.b:1/'), 'http_a.b_1/');
});

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ChangeMerger, ChangeTaker } from './changes.ts';
import { StatsStore } from './store.ts';

describe('what a worker counts', () => {
  let own: StatsStore;
  let whole: StatsStore;
  let tell: () => void;

  beforeEach(() => {
    own = new StatsStore();
    whole = new StatsStore();
    const taker = new ChangeTaker(own);
    const merger = new ChangeMerger(whole);
    tell = () => merger.merge(1, structuredClone(taker.take()));
  });

  it('is added to what others count, once', () => {
    whole.counter('http.a.rq').add(5);
    own.counter('http.a.rq').add(2);
    tell();
    tell();
    own.counter('http.a.rq').add(1);
    tell();
    assert.equal(whole.counter('http.a.rq').value, 8);
  });

  it('begins anew where counters are reset', () => {
    own.counter('http.a.rq').add(2);
    tell();
    whole.resetCounters();
    own.counter('http.a.rq').add(1);
    tell();
    assert.equal(whole.counter('http.a.rq').value, 1);
  });

  it('is shown beside what is here, as far as it goes up and down', () => {
    whole.gauge('http.a.active').set(3);
    own.gauge('http.a.active').set(4);
    tell();
    own.gauge('http.a.active').set(2);
    tell();
    assert.deepEqual([whole.gauge('http.a.active').value, whole.gauge('http.a.active').whole.value], [3, 5]);
  });

  it('tells of what is there and was never used', () => {
    own.counter('http.a.rq');
    tell();
    const counter = whole.counters.get('http.a.rq');
    assert.deepEqual([counter?.value, counter?.used], [0, false]);
  });

  it('is part of the next interval of a histogram', () => {
    const histogram = whole.histogram('http.a.time');
    own.histogram('http.a.time').record(10);
    histogram.record(20);
    tell();
    whole.flush();
    tell();
    whole.flush();
    assert.deepEqual([histogram.cumulative.count, histogram.interval.count], [2, 0]);
    assert.deepEqual(
      histogram.cumulative.bins().map(({ low, count }) => [low, count]),
      [
        [10, 1],
        [20, 1],
      ],
    );
  });

  it('is told by the first worker alone, where that has the source', () => {
    const told = [
      'cluster.a.b.upstream_rq_total',
      'cluster.x.rds.y.upstream_rq_total',
      'listener.a.downstream_cx_total',
      'http.a.fault.active_faults',
    ];
    const known = [
      'cluster_manager.cluster_added',
      'listener_manager.listener_added',
      'runtime.load_success',
      'http.in.rds.routes.config_reload',
    ];
    const alike = [
      'cluster.a.membership_total',
      'cluster.a.circuit_breakers.default.cx_open',
      'cluster.a.health_check.attempt',
      'cluster.a.update_success',
    ];
    for (const name of [...told, ...known, ...alike]) own.counter(name).increment();
    tell();
    assert.deepEqual([...whole.counters.keys()].sort(), told.sort());
  });

  it('does not bring back what is gone, until it comes again', () => {
    whole.counter('cluster.a.rq');
    own.counter('cluster.a.rq').add(1);
    tell();
    whole.removeScope('cluster.a.');
    own.counter('cluster.a.rq').add(1);
    own.counter('cluster.b.rq').add(1);
    tell();
    assert.deepEqual([...whole.counters.keys()], ['cluster.b.rq']);
    whole.counter('cluster.a.connections');
    own.counter('cluster.a.rq').add(1);
    tell();
    assert.equal(whole.counter('cluster.a.rq').value, 1);
  });
});

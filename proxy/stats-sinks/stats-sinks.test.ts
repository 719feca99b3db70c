import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { DogStatsdSinkSchema, StatsdSinkSchema, StatsSinkSchema } from '../api/envoy/config/metrics/v3/stats_pb.js';
import { StatsStore } from '../stats/store.ts';
import { StatsSinks } from './stats-sinks.ts';

const address = (portValue: number) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: portValue } },
  },
});

test('counters are sent as what they grew by, also after a reset; what was never used is not', async t => {
  const collector = createSocket('udp4').bind(0, '127.0.0.1');
  await once(collector, 'listening');
  const message = create(DogStatsdSinkSchema, {
    dogStatsdSpecifier: { case: 'address', value: address(collector.address().port) },
    maxBytesPerDatagram: 200n,
  });
  const any = Object.assign(anyPack(DogStatsdSinkSchema, message), { message });
  const sink = create(StatsSinkSchema, { name: 'a', configType: { case: 'typedConfig', value: any } });
  const store = new StatsStore();
  const sinks = new StatsSinks([sink], { store, cluster: () => undefined, nodeId: '', nodeCluster: '' });
  t.after(() => {
    sinks.close();
    collector.close();
  });
  const flushed = async (): Promise<string> => {
    const heard = once(collector, 'message');
    sinks.flush();
    return String((await heard)[0]);
  };
  const counter = store.counter('cluster.a.upstream_rq_200');
  store.counter('never');
  counter.add(3);
  store.gauge('b').set(7);
  const tags = '|#envoy.response_code:200,envoy.cluster_name:a';
  assert.equal(await flushed(), `envoy.cluster.upstream_rq:3|c${tags}\nenvoy.b:7|g`);
  assert.equal(await flushed(), `envoy.cluster.upstream_rq:0|c${tags}\nenvoy.b:7|g`);
  store.resetCounters();
  counter.add(2);
  assert.equal(await flushed(), `envoy.cluster.upstream_rq:2|c${tags}\nenvoy.b:7|g`);
  const heard = once(collector, 'message');
  store.histogram('time').record(5);
  assert.equal(String((await heard)[0]), 'envoy.time:5|ms');
});

test('who sends by TCP says who they are, to a cluster that is there', () => {
  const message = create(StatsdSinkSchema, { statsdSpecifier: { case: 'tcpClusterName', value: 'a' } });
  const any = Object.assign(anyPack(StatsdSinkSchema, message), { message });
  const sink = create(StatsSinkSchema, { name: 'a', configType: { case: 'typedConfig', value: any } });
  const context = { store: new StatsStore(), cluster: () => undefined, nodeId: '', nodeCluster: '' };
  assert.throws(() => new StatsSinks([sink], context), /tcp statsd: node 'id' and 'cluster' are required/);
  const named = { ...context, nodeId: 'me', nodeCluster: 'ours' };
  assert.throws(() => new StatsSinks([sink], named), /tcp statsd: unknown cluster 'a'/);
});

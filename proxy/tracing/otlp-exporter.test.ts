import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { OpenTelemetryConfigSchema } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import { StatsStore } from '../stats/store.ts';
import { exporterOf } from './otlp-exporter.ts';

const context = { scope: new StatsStore().scope(''), runtime: undefined, nodeCluster: '', cluster: () => undefined };
const grpcService = { envoyGrpc: { clusterName: 'a' } };
const httpService = { httpUri: { uri: 'http://a/b', cluster: 'a', timeout: '1s' } };

const exporter = (said: JsonValue) => exporterOf(fromJson(OpenTelemetryConfigSchema, said), context);

test('a collector is called in just one way', () => {
  const words = /OpenTelemetry Tracer must have exactly one of gRPC, HTTP, or custom exporter configured\./;
  assert.throws(() => exporter({}), words);
  assert.throws(() => exporter({ grpcService, httpService }), words);
});

test('what is sent to a cluster that is not there is dropped by HTTP, and by gRPC the call fails', () => {
  let dropped = 0;
  exporter({ httpService })(Buffer.from('a'), () => dropped++);
  assert.equal(dropped, 1);
  exporter({ grpcService })(Buffer.from('a'), () => dropped++);
  assert.equal(dropped, 1);
});

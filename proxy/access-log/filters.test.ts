import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import type { AccessLogFilter } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import { AccessLogFilterSchema, RuntimeFilterSchema } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import { ExpressionFilterSchema } from '../api/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import { FractionalPercentSchema } from '../api/envoy/type/v3/percent_pb.js';
import { RequestHeaders } from '../http/headers.ts';
import { flag, StreamInfo } from '../stream-info.ts';
import { compileFilter } from './filters.ts';

const comparison = (op: number, defaultValue: number) => ({ op, value: { defaultValue, runtimeKey: '' } });
const filter = (name: string, value: object) =>
  ({ filterSpecifier: { case: name, value } }) as unknown as AccessLogFilter;
const info = (fields: Partial<StreamInfo>) => Object.assign(new StreamInfo(), fields);

test('filters take what they say', () => {
  const server = filter('statusCodeFilter', { comparison: comparison(1, 500) });
  const slow = filter('durationFilter', { comparison: comparison(1, 1000) });
  const head = new RequestHeaders();
  head.add('x-a', '1');
  const present = { name: 'x-a', headerMatchSpecifier: { case: 'presentMatch', value: true } };
  const message = create(ExpressionFilterSchema, { expression: 'response.code >= 400' });
  const failed = { name: 'cel', configType: { case: 'typedConfig', value: { message } } };
  const table: [AccessLogFilter | undefined, Partial<StreamInfo>, boolean][] = [
    [undefined, {}, true],
    [server, { responseCode: 503 }, true],
    [server, { responseCode: 404 }, false],
    [filter('andFilter', { filters: [server, slow] }), { responseCode: 503, durationMs: 5 }, false],
    [filter('orFilter', { filters: [server, slow] }), { responseCode: 503, durationMs: 5 }, true],
    [filter('headerFilter', { header: present }), { requestHeaders: head }, true],
    [filter('headerFilter', { header: present }), { requestHeaders: new RequestHeaders() }, false],
    [filter('notHealthCheckFilter', {}), { healthCheck: true }, false],
    [filter('notHealthCheckFilter', {}), { healthCheck: false }, true],
    [filter('traceableFilter', {}), { traceForced: true }, true],
    [filter('traceableFilter', {}), { traceForced: true, healthCheck: true }, false],
    [filter('traceableFilter', {}), {}, false],
    [filter('extensionFilter', failed), { responseCode: 404 }, true],
    [filter('extensionFilter', failed), { responseCode: 200 }, false],
    [filter('responseFlagFilter', { flags: [] }), { flags: 0 }, false],
    [filter('responseFlagFilter', { flags: ['UF'] }), { flags: flag.UPSTREAM_CONNECTION_FAILURE }, true],
    [filter('responseFlagFilter', { flags: ['UF'] }), { flags: flag.UPSTREAM_OVERFLOW }, false],
  ];
  for (const [config, fields, expected] of table) assert.equal(compileFilter(config)(info(fields)), expected);
});

test("a share of requests is logged by their ids' first digits", () => {
  const percentSampled = create(FractionalPercentSchema, { numerator: 50 });
  const value = create(RuntimeFilterSchema, { runtimeKey: 'a', percentSampled });
  const config = create(AccessLogFilterSchema, { filterSpecifier: { case: 'runtimeFilter', value } });
  const logged = compileFilter(config);
  const ids = ['00000031-a', '00000032-a', '00000095-a'];
  assert.deepEqual(
    ids.map(requestId => logged(Object.assign(new StreamInfo(), { requestId }))),
    [true, false, true],
  );
});

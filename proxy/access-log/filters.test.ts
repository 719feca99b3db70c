import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessLogFilter } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
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
    [filter('responseFlagFilter', { flags: [] }), { flags: 0 }, false],
    [filter('responseFlagFilter', { flags: ['UF'] }), { flags: flag.UPSTREAM_CONNECTION_FAILURE }, true],
    [filter('responseFlagFilter', { flags: ['UF'] }), { flags: flag.UPSTREAM_OVERFLOW }, false],
  ];
  for (const [config, fields, expected] of table) assert.equal(compileFilter(config)(info(fields)), expected);
});

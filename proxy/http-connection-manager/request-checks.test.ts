import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  HttpProtocolOptions_HeadersWithUnderscoresAction as Action,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
} from '../api/enums.js';
import { HttpConnectionManagerSchema } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { CodecError } from '../http/codec.ts';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { Http2UnderscoreError } from '../http2/errors.ts';
import { StatsStore } from '../stats/store.ts';
import { UnderscoreCounters } from '../stats/underscore-counters.ts';
import { ManagerStats } from './manager-stats.ts';
import { checkRequest } from './request-checks.ts';
import { managerSettings } from './settings.ts';
import { checkUnderscores } from './underscores.ts';

type Settings = Parameters<typeof create<typeof HttpConnectionManagerSchema>>[1];

/** What became of a head, and why it was refused. */
function checked(head: Partial<RequestHeaders>, settings: Settings) {
  const request = Object.assign(new RequestHeaders(), { method: 'GET', path: '/', authority: 'a' }, head);
  const configuration = create(HttpConnectionManagerSchema, settings);
  const stats = new ManagerStats(new StatsStore().scope('http.a.'));
  const refusal = checkRequest(request, managerSettings(configuration, { cluster: '', id: '' }), stats, '1.2.3.4:8080');
  const reply = new ResponseHeaders();
  refusal?.adjust?.(reply);
  return { request, status: refusal?.status, location: reply.get('location') };
}

test('escaped slashes stay, are refused, sent elsewhere or passed on as slashes', () => {
  const path = '/a%2fb%5C..?c%2fd';
  const pathWithEscapedSlashesAction = EscapedSlashes.UNESCAPE_AND_FORWARD;
  assert.equal(checked({ path }, {}).request.path, path);
  assert.equal(checked({ path }, { pathWithEscapedSlashesAction }).request.path, '/a/b\\..?c%2fd');
  assert.equal(checked({ path }, { pathWithEscapedSlashesAction, normalizePath: true }).request.path, '/a/?c%2fd');
  const redirects = { pathWithEscapedSlashesAction: EscapedSlashes.UNESCAPE_AND_REDIRECT, normalizePath: true };
  const { status, location } = checked({ path }, redirects);
  assert.deepEqual([status, location], [307, '/a/?c%2fd']);
  assert.equal(checked({ path: '/a/b?c%2fd' }, redirects).status, undefined);
  const rejects = { pathWithEscapedSlashesAction: EscapedSlashes.REJECT_REQUEST };
  assert.equal(checked({ path }, rejects).status, 400);
});

test('a port goes where it is any, or the one of the listener; CONNECT keeps it for its host', () => {
  const any: Settings = { stripPortMode: { case: 'stripAnyHostPort', value: true } };
  const matching: Settings = { stripMatchingHostPort: true };
  const host = (authority: string, settings: Settings) => checked({ authority }, settings).request.authority;
  assert.deepEqual([host('a:1', any), host('[::1]:1', any), host('[::1]', any)], ['a', '[::1]', '[::1]']);
  assert.deepEqual([host('a:8080', matching), host('a:80', matching), host('a', matching)], ['a', 'a:80', 'a']);
  const { request } = checked({ method: 'CONNECT', path: '', authority: 'a:1' }, any);
  assert.deepEqual([request.authority, request.connectPort], ['a', ':1']);
});

test('a dot at the end of a host goes', () => {
  const host = (authority: string) => checked({ authority }, { stripTrailingHostDot: true }).request.authority;
  assert.deepEqual([host('a.b.'), host('a.:1'), host('a.b'), host('a.b:1')], ['a.b', 'a:1', 'a.b', 'a.b:1']);
});

test('headers with underscores stay, go, or end their request', () => {
  const head = () => Object.assign(new RequestHeaders(), { entries: ['x-a', 'b', 'x_a', 'c', 'y_', 'd'] });
  const counters = new UnderscoreCounters(new StatsStore().scope('http1.'));
  const check = (action: Action, request: RequestHeaders, protocol: 'HTTP/1.1' | 'HTTP/2' = 'HTTP/1.1') =>
    checkUnderscores(action, request, protocol, () => counters);
  const [kept, dropped] = [head(), head()];
  check(Action.ALLOW, kept);
  check(Action.DROP_HEADER, dropped);
  assert.deepEqual([kept.entries.length, dropped.entries, counters.dropped.value], [6, ['x-a', 'b'], 2]);
  assert.throws(() => check(Action.REJECT_REQUEST, head()), CodecError);
  assert.throws(() => check(Action.REJECT_REQUEST, head(), 'HTTP/2'), Http2UnderscoreError);
  check(Action.REJECT_REQUEST, dropped);
  assert.equal(counters.rejected.value, 2);
});

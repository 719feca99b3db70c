import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { flag, StreamInfo } from '../stream-info.ts';
import { FormatError } from './command.ts';
import { compileFormat, defaultFormat } from './format.ts';
import { compileJsonFormat } from './json-format.ts';

function finished(): StreamInfo {
  const request = new RequestHeaders();
  Object.assign(request, { method: 'GET', path: '/status/500?a=b%20c', authority: 'proxy:15001' });
  request.add('user-agent', 'curl/8');
  request.add('x-request-id', 'id-1');
  const response = new ResponseHeaders(500);
  response.add('x-envoy-upstream-service-time', '7');
  return Object.assign(new StreamInfo(), {
    startMs: Date.UTC(2026, 0, 31, 12, 0, 1, 5) + 0.25,
    requestHeaders: request,
    responseHeaders: response,
    responseCode: 500,
    responseCodeDetails: 'via upstream',
    flags: flag.UPSTREAM_RETRY_LIMIT_EXCEEDED,
    bytesSent: 3,
    durationMs: 8.9,
    clusterName: 'httpbin',
    upstreamHost: '127.0.0.2:8000',
    downstreamRemoteAddress: '[::1]:5000',
    upstreamAttemptCount: 4,
  });
}

test('the default format is Envoy’s, byte by byte', () => {
  const line =
    '[2026-01-31T12:00:01.005Z] "GET /status/500?a=b%20c HTTP/1.1" 500 URX 0 3 8 7 "-" "curl/8" "id-1" "proxy:15001" "127.0.0.2:8000"\n';
  assert.equal(compileFormat(defaultFormat)(finished()), line);
});

test('every operator prints what it says', () => {
  const cases: Record<string, string> = {
    '%RESPONSE_FLAGS_LONG%': 'UpstreamRetryLimitExceeded',
    '%RESPONSE_CODE_DETAILS%': 'via_upstream',
    '%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%': 'via upstream',
    '%UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT%': 'httpbin 4',
    '%REQ(X-NONE?USER-AGENT):4%': 'curl',
    '%REQ(X-NONE)%|%ROUTE_NAME%|%UPSTREAM_TRANSPORT_FAILURE_REASON%': '-|-|-',
    '%RESP(:STATUS)%': '500',
    '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%':
      '[::1]:5000 ::1 5000',
    '%START_TIME(%Y/%m/%dT%H:%M:%S.%3f %s %E6S)%': '2026/01/31T12:00:01.005 1769860801 01.005250',
    '%QUERY_PARAM(a)%': 'b c',
    '100%%': '100%',
    '%RESPONSE_DURATION%': '-',
  };
  for (const [format, expected] of Object.entries(cases))
    assert.equal(compileFormat(format)(finished()), expected, format);
});

test('a cluster that was not found is not named', () => {
  const info = finished();
  info.flags = flag.NO_CLUSTER_FOUND;
  assert.equal(compileFormat('%UPSTREAM_CLUSTER%')(info), '-');
});

test('what is missing is left out where that is asked for', () => {
  assert.equal(compileFormat('[%REQ(X-NONE)%]', true)(finished()), '[]');
});

test('bad formats are refused in Envoy’s words', () => {
  const refusals: Record<string, RegExp> = {
    '%FOO%': /^Not supported field in StreamInfo: FOO$/,
    '%REQ(%': /^Incorrect configuration: %REQ\(%\. Couldn't find valid command at position 0$/,
    'ab%': /at position 2$/,
    '%REQ(A?B?C)%': /More than 1 alternative header specified/,
  };
  for (const [format, message] of Object.entries(refusals)) {
    assert.throws(
      () => compileFormat(format),
      error => error instanceof FormatError && message.test(error.message),
      format,
    );
  }
});

test('JSON keeps types, sorts keys, and has null for what is missing', () => {
  const format = {
    status: '%RESPONSE_CODE%',
    a: { path: '%REQ(:PATH)%', none: '%REQ(X-NONE)%' },
    text: '%PROTOCOL% %RESPONSE_CODE%',
  };
  const line = compileJsonFormat(format)(finished());
  assert.equal(line, '{"a":{"none":null,"path":"/status/500?a=b%20c"},"status":500,"text":"HTTP/1.1 500"}\n');
  assert.equal(compileJsonFormat({ none: '%REQ(X-NONE)%' }, true)(finished()), '{}\n');
});

test('UTF-8 of the format survives beside bytes of headers', () => {
  const info = finished();
  info.requestHeaders?.add('x-name', Buffer.from('ü').toString('latin1'));
  assert.equal(Buffer.from(compileFormat('é %REQ(X-NAME)%')(info), 'latin1').toString(), 'é ü');
});

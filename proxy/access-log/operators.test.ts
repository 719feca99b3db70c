import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { type Attempt, StreamInfo } from '../stream-info.ts';
import { FormatError } from './command.ts';
import { compileFormat } from './format.ts';
import { compileJsonFormat } from './json-format.ts';

const attempt = (host: string, hostname: string, connectionId: number): Attempt => ({
  ...{ host, hostname, connectionId },
  ...{ status: 0, flags: 0, startMs: 0, durationMs: 1 },
});

function call(): StreamInfo {
  const head = new RequestHeaders();
  head.path = '/rewritten?a=1&b=%20x';
  head.add('x-envoy-original-path', '/asked?a=2');
  head.add('content-type', 'application/grpc');
  const response = new ResponseHeaders(200);
  response.add('grpc-status', '4');
  const info = Object.assign(new StreamInfo(), {
    requestHeaders: head,
    responseHeaders: response,
    responseCode: 200,
    requestReceivedMs: 2,
    upstreamFirstSentMs: 3.5,
    upstreamHost: '[::1]:80',
    attempts: [attempt('127.0.0.1:1', '', 0), attempt('127.0.0.1:2', '', 7), attempt('[::1]:80', 'a.example', 9)],
  });
  info.setMetadata('a', { text: 'ada', deep: { z: [1, null], b: true } });
  return info;
}

test('operators print what they say', () => {
  const cases: Record<string, string> = {
    '%PATH% %PATH(NQ)% %PATH(WQ:PATH)% %PATH(NQ:ORIG)%': '/asked?a=2 /asked /rewritten?a=1&b=%20x /asked',
    '%QUERY_PARAM(b)%|%QUERY_PARAM(c)%|%QUERY_PARAMS%': ' x|-|a=1&b=%20x',
    '%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)%': 'DeadlineExceeded DEADLINE_EXCEEDED 4',
    '%UPSTREAM_HOSTS_ATTEMPTED%': '127.0.0.1:2,[::1]:80',
    '%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%': '127.0.0.1,::1',
    '%UPSTREAM_HOST_NAMES_ATTEMPTED% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%': '127.0.0.1:2,a.example 7,9',
    '%UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT%': '[::1]:80 ::1',
    '%QUERY_PARAMS(DECODED)%|%QUERY_PARAMS(DECODED):3%': 'a=1&b=%20x|a=1',
    '%COMMON_DURATION(DS_RX_END:US_TX_BEG)% %COMMON_DURATION(DS_CX_BEG:DS_RX_BEG:us)% %COMMON_DURATION(US_CX_BEG:own:us)%':
      '1 - -',
    '%COMMON_DURATION(DS_RX_END:US_TX_BEG:us)% %COMMON_DURATION(DS_RX_BEG:US_RX_BEG:ms)%': '1500 -',
    '%DYNAMIC_METADATA(a:text)% %DYNAMIC_METADATA(a:deep)% %DYNAMIC_METADATA(a:text):2%':
      'ada {"b":true,"z":[1,null]} ad',
    '%DYNAMIC_METADATA(a:text:x)% %DYNAMIC_METADATA(b)% %METADATA(DYNAMIC:a:deep:b)%': '- - true',
  };
  for (const [format, expected] of Object.entries(cases)) assert.equal(compileFormat(format)(call()), expected, format);
});

test('a call that was given up before its answer has no status', () => {
  const info = Object.assign(call(), { responseHeaders: undefined, responseCode: 0 });
  assert.equal(compileFormat('%GRPC_STATUS% %GRPC_STATUS_NUMBER%')(info), '- -');
});

test('metadata keep their types in JSON', () => {
  const print = compileJsonFormat({ all: '%DYNAMIC_METADATA(a)%', none: '%DYNAMIC_METADATA(b:c)%' });
  assert.equal(print(call()), '{"all":{"deep":{"b":true,"z":[1,null]},"text":"ada"},"none":null}\n');
});

test('values of certificates that proxies before this one tell of are found by their keys', () => {
  const printed = (header: string, key: string): string => {
    const head = new RequestHeaders();
    head.add('x-forwarded-client-cert', header);
    return compileFormat(`%XFCC_VALUE(${key})%`)(Object.assign(new StreamInfo(), { requestHeaders: head }));
  };
  const cases: [string, string, string][] = [
    ['By=a;URI=spiffe://x,By=b', 'uri', 'spiffe://x'],
    ['By=a,By=b', 'By', 'a'],
    ['Subject="a\\"b;c\\\\";Hash=1', 'subject', 'a"b;c\\'],
    ['Hash=1;DNS', 'dns', ''],
    ['Hash="1', 'hash', '-'],
    ['Hash=1', 'cert', '-'],
  ];
  for (const [header, key, expected] of cases) assert.equal(printed(header, key), expected, header);
});

test('arguments that nothing knows are refused', () => {
  const formats = [
    'PATH(X)',
    'PATH(WQ:X)',
    'PATH(WQ:constructor)',
    'QUERY_PARAM',
    'QUERY_PARAMS(X)',
    'COALESCE(x)',
    'COALESCE({"operators":[]})',
    'GRPC_STATUS(X)',
  ];
  formats.push(
    'GRPC_STATUS(constructor)',
    'METADATA(X:a)',
    'CLUSTER_METADATA',
    'COMMON_DURATION(DS_RX_BEG:US_CX_BEG:s)',
    'COMMON_DURATION(a)',
  );
  for (const format of formats) assert.throws(() => compileFormat(`%${format}%`), FormatError, format);
});

test('operators are refused with what they do not take', () => {
  const refused: Record<string, string> = {
    '%PROTOCOL(x)%': 'PROTOCOL does not take any parameters or length',
    '%PROTOCOL:5%': 'PROTOCOL does not take any parameters or length',
    '%REQ()%': 'REQ requires parameters',
    '%START_TIME(%s):5%': 'START_TIME does not allow length to be specified.',
    '%REQ(a b)%': 'Invalid header configuration. Format string contains invalid characters.',
    '%FILTER_STATE%': 'Invalid filter state configuration, key cannot be empty.',
    '%FILTER_STATE(a:PLAIN:b)%': 'Invalid filter state serialize type, FIELD should be used with the field name.',
    '%REQUESTED_SERVER_NAME(X)%':
      "Invalid REQUESTED_SERVER_NAME option: 'X', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed",
    '%REQUESTED_SERVER_NAME(SNI_FIRST:X)%':
      "Invalid REQUESTED_SERVER_NAME option: 'X', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed",
    '%COALESCE({"operators":[{"command":"PROTOCOL","param":"x"}]})%':
      'COALESCE: failed to parse operator at index 0: PROTOCOL does not take any parameters or length',
  };
  for (const [format, message] of Object.entries(refused))
    assert.throws(() => compileFormat(format), { message, code: 'BAD_FORMAT' }, format);
});

test('an address may be printed as the range that it is in', () => {
  const printed = (address: string, length: number | string): string =>
    compileFormat(`%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(${length})%`)(
      Object.assign(new StreamInfo(), { downstreamRemoteAddress: address }),
    );
  const cases: [string, number | string, string][] = [
    ['10.1.10.23:80', 16, '10.1.0.0/16'],
    ['10.1.10.23:80', 30, '10.1.10.20/30'],
    ['10.1.10.23:80', 64, '10.1.10.23/32'],
    ['10.1.10.23:80', 'x', '10.1.10.23'],
    ['[2001:db8:1234:5678:9abc:def0:1234:5678]:80', 64, '2001:db8:1234:5678::/64'],
    ['[2001:db8::ffff:1]:80', 116, '2001:db8::ffff:0/116'],
    ['[::1]:80', 0, '::/0'],
    ['', 16, '-'],
  ];
  for (const [address, length, expected] of cases) assert.equal(printed(address, length), expected);
});

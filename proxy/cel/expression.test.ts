import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestHeaders } from '../http/headers.ts';
import { StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import { compileExpression } from './expression.ts';

const info = (fields: Partial<StreamInfo> = {}) => Object.assign(new StreamInfo(), fields);
const print = (text: string, about = info()) => compileExpression(text).print(about);

test('an expression that Envoy does not take is refused in its words', () => {
  const refused: [text: string, words: RegExp][] = [
    ['1 +', /^Not able to parse expression: /],
    ['', /^Not able to parse expression: /],
    ['has(a)', /resolve step for has$/],
    ['string(1)', /^failed to create an expression: No overload found in reference resolve step for string$/],
    [`'a'.lowerAscii()`, /resolve step for lowerAscii$/],
    ['[1].exists(x, x == 1)', /^failed to create an expression: Comprehension support is disabled$/],
    ['1 == 1 || [[1].map(x, x)] == []', /Comprehension support is disabled$/],
    [`request.path.matches('(')`, /^failed to create an expression: invalid regular expression: .*missing closing \)/],
  ];
  for (const [text, message] of refused) assert.throws(() => compileExpression(text), { message }, text);
});

test('an attribute that only Envoy has is refused, whichever way it is written', () => {
  for (const text of ['xds.node', 'xds.node.id', `xds['node']`, 'upstream.num_endpoints > 1u'])
    assert.throws(() => compileExpression(text), {
      message: /^the attribute \w+\.\w+ is not supported by this proxy$/,
    });
});

test('what cannot be told has no value, and is not true', () => {
  for (const text of ['none', 'request.none', `request.headers['none'] == 'a'`, '1 / 0', `'a' + 'b'`, 'toString']) {
    const expression = compileExpression(text);
    assert.equal(expression.print(info()), undefined, text);
    assert.equal(expression.value(info()), undefined, text);
    assert.equal(expression.holds(info()), false, text);
  }
  assert.equal(compileExpression('1').holds(info()), false);
  assert.equal(compileExpression('1 == 1').holds(info()), true);
});

test('handshakes are told of', () => {
  const certificate = (name: string) =>
    ({
      subject: `CN=${name}`,
      namesOf: (kind: string) => (kind === 'uri' ? [`spiffe://${name}`, 'spiffe://more'] : []),
      fingerprint256: 'ab',
    }) as unknown as Certificate;
  const facts = {
    version: 'TLSv1.3',
    cipher: '',
    applicationProtocol: '',
    group: '',
    sessionId: '',
    serverName: '',
    begunMs: 0,
    securedMs: 0,
    peer: certificate('peer'),
    local: undefined,
  };
  const secured = info({ tls: facts, upstreamTls: { ...facts, peer: undefined, local: certificate('own') } });
  assert.equal(print('connection.tls_version', secured), 'TLSv1.3');
  assert.equal(print('connection.mtls', secured), 'true');
  assert.equal(print('connection.subject_peer_certificate', secured), 'CN=peer');
  assert.equal(print('connection.subject_local_certificate', secured), '');
  assert.equal(print('connection.uri_san_peer_certificate', secured), 'spiffe://peer');
  assert.equal(print('connection.dns_san_peer_certificate', secured), undefined);
  assert.equal(print('upstream.uri_san_local_certificate', secured), 'spiffe://own');
  assert.equal(print('upstream.sha256_peer_certificate_digest', secured), undefined);
  assert.equal(print('connection.tls_version'), undefined);
  assert.equal(print('connection.mtls'), 'false');
});

test('texts are characters in an expression, and bytes in heads and logs', () => {
  const requestHeaders = new RequestHeaders();
  requestHeaders.add('x-name', 'J\xc3\xbcrgen');
  requestHeaders.add('x-bytes', '\xff');
  const about = info({ requestHeaders });
  assert.equal(print(`size(request.headers['x-name'])`, about), '6');
  assert.equal(compileExpression(`request.headers['x-name'] == 'Jürgen'`).holds(about), true);
  assert.equal(print(`request.headers['x-name']`, about), 'J\xc3\xbcrgen');
  assert.equal(print(`size(request.headers['x-bytes'])`, about), '1');
});

test('times are durations, where they came', () => {
  const about = info({ requestReceivedMs: 1500.25, upstreamFirstSentMs: 10, upstreamLastReceivedMs: 12.5 });
  assert.equal(print('request.duration', about), '1.50025s');
  assert.equal(print('response.backend_latency', about), '2.5ms');
  assert.equal(compileExpression('response.backend_latency').value(about), '0.002500s');
  assert.equal(print('request.duration'), undefined);
  assert.equal(print('response.backend_latency'), undefined);
});

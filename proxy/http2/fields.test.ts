import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http2MessageError } from './errors.ts';
import { requestHead } from './fields.ts';

/** The fields of CONNECT that asks for a protocol, without those left out. */
const asking = (protocol: string, ...without: string[]): string[] =>
  [
    [':method', 'CONNECT'],
    [':protocol', protocol],
    [':scheme', 'https'],
    [':authority', 'a'],
    [':path', '/b'],
  ]
    .filter(([name]) => !without.includes(name!))
    .flat();

test('CONNECT that asks for a protocol is an upgrade as HTTP/1 has it', () => {
  const head = requestHead([...asking('WebSocket'), 'x-a', 'b'], true);
  assert.deepEqual([head.method, head.path, head.authority, head.scheme], ['GET', '/b', 'a', 'https']);
  assert.equal(head.upgrade, 'websocket');
  assert.deepEqual(head.entries, ['x-a', 'b', 'upgrade', 'WebSocket', 'connection', 'upgrade']);
});

test('bytestream is what plain CONNECT carries', () => {
  const head = requestHead(asking('bytestream'), true);
  assert.deepEqual([head.method, head.upgrade, head.has('upgrade')], ['CONNECT', 'connect', false]);
});

test('plain CONNECT has neither path nor scheme', () => {
  assert.equal(requestHead([':method', 'CONNECT', ':authority', 'a:1'], true).upgrade, 'connect');
  assert.throws(() => requestHead(asking('', ':protocol', ':path'), true), Http2MessageError);
});

for (const [name, fields, allowed] of [
  ['where nobody allowed it', asking('websocket'), false],
  ['without a path', asking('websocket', ':path'), true],
  ['without a scheme', asking('websocket', ':scheme'), true],
  ['without a name', asking(''), true],
  ['named CONNECT', asking('Connect'), true],
  ['named twice', [...asking('websocket'), ':protocol', 'a'], true],
  ['by another method', [...asking('websocket', ':method'), ':method', 'GET'], true],
] as const)
  test(`refused: a protocol ${name}`, () =>
    void assert.throws(() => requestHead([...fields], allowed), Http2MessageError));

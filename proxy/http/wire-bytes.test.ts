import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireBytes } from './wire-bytes.ts';

test('fields of HTTP/1 count with their colons and line ends, a head without any as one', () => {
  const bytes = new WireBytes();
  bytes.receivedHead1([]);
  assert.deepEqual([bytes.headersReceived, bytes.plainHeadersReceived], [3, 3]);
  bytes.receivedHead1(['host', 'a']);
  assert.deepEqual([bytes.headersReceived, bytes.plainHeadersReceived], [11, 14]);
  bytes.sentHead1('HTTP/1.1 200 OK\r\na: b\r\n\r\n');
  assert.deepEqual([bytes.sent, bytes.headersSent, bytes.plainHeadersSent], [25, 6, 6]);
});

test('blocks of HTTP/2 count as they came, and as they are', () => {
  const bytes = new WireBytes();
  bytes.receivedBlock(20, [':status', '200']);
  bytes.sentBlock(30, 40);
  assert.deepEqual(Object.values(bytes), [20, 30, 20, 30, 10, 40]);
});

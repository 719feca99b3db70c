import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encodeAck, encodeInput, encodeResize, inParts } from './messages.ts';

function bufferOf(...parts: (number[] | [number, 'f64'])[]): ArrayBuffer {
  const bytes = parts.flatMap(part => {
    if (part[1] !== 'f64') return part as number[];
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, part[0] as number);
    return [...new Uint8Array(view.buffer)];
  });
  return Uint8Array.from(bytes).buffer;
}

test('the agent’s messages are read', () => {
  const output = decode(bufferOf([0], [2 ** 40, 'f64'], [104, 105]));
  assert.deepEqual(output, { type: 'output', offset: 2 ** 40, bytes: Uint8Array.of(104, 105) });
  assert.deepEqual(decode(bufferOf([2, 0, 80, 0, 24])), { type: 'resize', columns: 80, rows: 24 });
  const snapshot = decode(bufferOf([4], [9, 'f64'], [0, 80, 0, 24, 36]));
  assert.deepEqual(snapshot, { type: 'snapshot', offset: 9, columns: 80, rows: 24, bytes: Uint8Array.of(36) });
  assert.deepEqual(decode(bufferOf([5, 1])), { type: 'prompt', atPrompt: true });
  assert.deepEqual(decode(bufferOf([6, 255, 255, 255, 255])), { type: 'exit', status: -1 });
});

test('what is unknown or cut short is left out', () => {
  for (const bytes of [[], [99], [0, 1], [4, 0, 0], [5], [6, 0]]) assert.equal(decode(bufferOf(bytes)), null);
});

test('the viewer’s messages are written', () => {
  assert.deepEqual([...encodeInput(Uint8Array.of(3))], [1, 3]);
  assert.deepEqual([...encodeResize(300, 50)], [2, 1, 44, 0, 50]);
  const ack = encodeAck(1234567890123);
  assert.equal(ack[0], 3);
  assert.equal(new DataView(ack.buffer).getFloat64(1), 1234567890123);
});

test('a long paste is cut into messages that the server takes, whole and in order', () => {
  const paste = Uint8Array.from({ length: 200_001 }, (_, index) => index % 251);
  const parts = inParts(paste);
  for (const part of parts) assert.ok(encodeInput(part).length <= 64 * 1024);
  assert.deepEqual(Uint8Array.from(parts.flatMap(part => [...part])), paste);
  assert.equal(inParts(Uint8Array.of(3)).length, 1);
});

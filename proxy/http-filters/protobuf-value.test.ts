import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { MalformedValue, readProtobufValue } from './protobuf-value.ts';

const bytesOf = (value: JsonValue) => Buffer.from(toBinary(ValueSchema, fromJson(ValueSchema, value)));

test('all kinds of values are read as they were written', () => {
  const values = [
    null,
    true,
    false,
    0,
    -1.5,
    1e300,
    '',
    'text',
    [],
    {},
    [1, [null, 'a']],
    { a: { b: [{ c: false }] } },
  ];
  for (const value of values) assert.deepEqual(readProtobufValue(bytesOf(value)), value);
});

test('nothing at all says nothing, and what is cut off is refused', () => {
  assert.equal(readProtobufValue(Buffer.alloc(0)), undefined);
  const whole = bytesOf({ key: 'some text' });
  for (let end = 1; end < whole.length; end++)
    assert.throws(() => readProtobufValue(whole.subarray(0, end)), MalformedValue, `${end} bytes`);
});

/** A list with one value. */
function listOf(value: Uint8Array): Buffer {
  const item = Buffer.concat([Buffer.from([0x0a]), lengthOf(value), value]);
  return Buffer.concat([Buffer.from([0x32]), lengthOf(item), item]);
}

const lengthOf = ({ length }: Uint8Array) =>
  Buffer.from(length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7]);

test('values within values end somewhere', () => {
  let bytes: Buffer = bytesOf('deep');
  for (let i = 0; i < 90; i++) bytes = listOf(bytes);
  assert.match(JSON.stringify(readProtobufValue(bytes)), /^\[{90}"deep"\]{90}$/);
  for (let i = 0; i < 20; i++) bytes = listOf(bytes);
  assert.throws(() => readProtobufValue(bytes), MalformedValue);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GrpcFrameScanner, grpcMethodOf } from './grpc-calls.ts';
import { Base64MessageWriter, Base64Reader } from './grpc-web-text.ts';

const message = (text: string): Buffer => Buffer.concat([Buffer.of(0, 0, 0, 0, text.length), Buffer.from(text)]);
const messages = ['hello', '', 'a', 'and more of it'].map(message);
const all = Buffer.concat(messages);

/** All ways to split these bytes into pieces of one size. */
function* splits(bytes: Buffer): Generator<Buffer[]> {
  for (let size = 1; size <= bytes.length; size++) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    yield pieces;
  }
}

describe('messages of gRPC', () => {
  it('are found wherever they are split', () => {
    for (const pieces of splits(all)) {
      const scanner = new GrpcFrameScanner();
      const found: Buffer[] = [];
      let current: Buffer[] = [];
      let begun = 0;
      for (const piece of pieces)
        begun += scanner.scan(piece, (part, ends) => {
          current.push(part);
          if (!ends) return;
          found.push(Buffer.concat(current));
          current = [];
        });
      assert.equal(begun, messages.length);
      assert.deepEqual(found, messages);
    }
  });

  it('are written as base64 each for itself', () => {
    const expected = messages.map(one => one.toString('base64')).join('');
    for (const pieces of splits(all)) {
      const writer = new Base64MessageWriter();
      assert.equal(Buffer.concat(pieces.map(piece => writer.write(piece))).toString(), expected);
    }
  });

  it('are read from base64', () => {
    const text = Buffer.from(all.toString('base64'));
    for (const pieces of splits(text)) {
      const reader = new Base64Reader();
      const read = pieces.map((piece, i) => reader.read(piece, i === pieces.length - 1)!);
      assert.deepEqual(Buffer.concat(read), all);
    }
  });

  it('are not read from what is no base64', () => {
    for (const text of ['AAA', 'AAAAA', '!!!!', 'AA==AAAA', 'AB==', 'AA-_'])
      assert.equal(new Base64Reader().read(Buffer.from(text), true), undefined, text);
    assert.deepEqual(new Base64Reader().read(Buffer.alloc(0), true), Buffer.alloc(0));
  });

  it('are told apart by the method that a path names', () => {
    assert.deepEqual(grpcMethodOf('/a.B/C?d=/e'), { service: 'a.B', method: 'C' });
    for (const path of ['/', '/a', '/a/', '/a/b/c']) assert.equal(grpcMethodOf(path), undefined, path);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { constants, createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { HeaderMap } from '../http/headers.ts';
import { TransformedBody } from './transformed-body.ts';

type Zlib = ReturnType<typeof createGzip> | ReturnType<typeof createGunzip>;

function streaming(transform: Zlib) {
  const sent: Buffer[] = [];
  const events: string[] = [];
  let ended: (how: string) => void = () => {};
  const whole = new Promise<string>(resolve => {
    ended = resolve;
  });
  const body = new TransformedBody(
    transform,
    {
      send: (chunk, end) => {
        sent.push(Buffer.from(chunk));
        if (end) ended('end');
      },
      sendTrailers: trailers => ended(`trailers ${trailers.entries}`),
      pause: () => events.push('pause'),
      resume: () => events.push('resume'),
    },
    { taken: () => {}, given: () => {}, failed: error => events.push(`${error.code}`) },
  );
  return { body, sent, events, whole };
}

const text = Buffer.from('a word and another word. '.repeat(4000));
const flushing = () => createGzip({ flush: constants.Z_SYNC_FLUSH });

describe('a body through zlib', () => {
  it('comes out in order, wherever it is split', async () => {
    for (const size of [1000, 7001, 50_000, text.length]) {
      const { body, sent, whole } = streaming(flushing());
      for (let at = 0; at < text.length; at += size) body.add(text.subarray(at, at + size), at + size >= text.length);
      assert.equal(await whole, 'end');
      assert.deepEqual(gunzipSync(Buffer.concat(sent)), text);
    }
  });

  it('keeps trailers behind all of it', async () => {
    const { body, sent, whole } = streaming(flushing());
    body.add(text, false);
    const trailers = new HeaderMap();
    trailers.add('a', 'b');
    body.addTrailers(trailers);
    assert.equal(await whole, 'trailers a,b');
    assert.deepEqual(gunzipSync(Buffer.concat(sent)), text);
  });

  it('asks for a pause while too much waits, once, and takes it back', async () => {
    const transform = flushing();
    const { body, events } = streaming(transform);
    body.add(text, false);
    body.add(text, false);
    assert.deepEqual(events, ['pause']);
    await once(transform, 'drain');
    assert.deepEqual(events, ['pause', 'resume']);
    body.stop();
  });

  it('unpacks no further while what it sends is not taken', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { body, sent, whole } = streaming(createGunzip({ chunkSize: 4096 }));
    body.congested(true);
    body.congested(true);
    body.add(bomb, true);
    body.congested(false);
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(sent.length, 0);
    body.congested(false);
    assert.equal(await whole, 'end');
    assert.equal(Buffer.concat(sent).length, 10_000_000);
  });

  it('throws away what comes after an error, and ends where the body ends', async () => {
    const transform = createGunzip();
    const { body, events, whole } = streaming(transform);
    const closed = new Promise(resolve => transform.once('close', resolve));
    body.add(Buffer.from('no gzip at all'), false);
    await closed;
    assert.deepEqual(events, ['Z_DATA_ERROR']);
    body.add(Buffer.from('more'), true);
    assert.equal(await whole, 'end');
  });

  it('frees what it holds when it is stopped, and sends nothing more', async () => {
    const transform = flushing();
    const { body, sent } = streaming(transform);
    body.add(text, false);
    body.stop();
    await once(transform, 'close');
    assert.equal(sent.length, 0);
  });
});

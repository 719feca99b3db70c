/** That bytes arrive whole, in order and within bounds, on the fast path as on the general path. */
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { barrier, both, connected, digest, Ear, type Open, rest } from './both-transports.ts';

/** The bytes in random pieces. */
function* pieces(bytes: Buffer, largest: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = randomInt(1, randomInt(2, largest));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

both(
  'the same bytes, however they are split, both ways',
  async open => {
    let equal = 0;
    for (let round = 0; round < 30; round++) {
      const { socket, peer } = await connected();
      const bytes = randomBytes(randomInt(1, 200_000));
      const ear = new Ear(open(socket));
      ear.onBytes = chunk => {
        for (const piece of pieces(chunk, 40_000)) {
          if (randomInt(2) === 0) ear.transport.write(piece);
          else ear.transport.writeText(piece.toString('latin1'));
          if (randomInt(8) === 0) ear.transport.flush();
        }
      };
      const echo = rest(peer);
      for (const piece of pieces(bytes, 30_000)) {
        peer.write(piece);
        if (randomInt(2) === 0) await new Promise(setImmediate);
      }
      peer.end();
      await ear.until(({ events }) => events.includes('end'));
      ear.transport.end();
      assert.equal(digest(await echo), digest(bytes));
      assert.equal(digest(Buffer.concat(ear.bytes)), digest(bytes));
      assert.deepEqual([ear.transport.bytesRead, ear.transport.bytesWritten], [bytes.length, bytes.length]);
      await ear.untilClosed();
      assert.deepEqual(
        ear.events.filter(event => event !== 'drain'),
        ['end', 'close'],
      );
      equal++;
    }
    return equal;
  },
  30,
);

/** Writes to a peer that does not read until the transport is congested, then lets it read. */
async function overfill(open: Open, highMark: number, size: number) {
  const { socket, peer } = await connected();
  const ear = new Ear(open(socket, highMark));
  const { transport } = ear;
  peer.pause();
  const chunk = randomBytes(size);
  let written = 0;
  while (!transport.congested) {
    transport.write(chunk);
    transport.flush();
    written += size;
    assert.ok(written < 64 << 20, 'never congested');
    await new Promise(setImmediate);
  }
  await barrier();
  // The kernel has taken what it can; what is kept here is bounded.
  const kept = transport.unsent;
  const early = ear.events.length;
  const all = rest(peer);
  await ear.until(({ events }) => events.length > 0);
  const stillCongested = transport.congested;
  transport.end();
  const received = await all;
  const wanted = createHash('sha256');
  for (let at = 0; at < written; at += size) wanted.update(chunk);
  peer.end();
  await ear.untilClosed();
  return {
    bounded: kept > 0 && kept <= highMark + 2 * size,
    early,
    stillCongested,
    whole: digest(received) === wanted.digest('hex'),
    events: ear.events,
  };
}

for (const [highMark, size] of [
  [1 << 20, 60_000],
  [256 * 1024, 1000],
  [4096, 1000],
  [4096, 40_000],
] as const) {
  both(
    `a peer that reads slowly: congested above ${highMark} bytes, drained once, by chunks of ${size}`,
    open => overfill(open, highMark, size),
    { bounded: true, early: 0, stillCongested: false, whole: true, events: ['drain', 'end', 'close'] },
  );
}

both(
  'paused: at most what was under way is heard, and all of it once reading goes on',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const bytes = randomBytes(12 << 20);
    ear.onBytes = () => {
      if (ear.bytes.length === 1) ear.transport.pause();
    };
    peer.end(bytes);
    await ear.until(() => ear.bytes.length === 1);
    await barrier();
    const whilePaused = ear.bytes.length;
    const stalled = peer.writableLength > 0;
    ear.transport.resume();
    await ear.until(({ events }) => events.includes('end'));
    ear.transport.end();
    await ear.untilClosed();
    return [whilePaused, stalled, digest(Buffer.concat(ear.bytes)) === digest(bytes)];
  },
  [1, true, true],
);

both(
  'one very large write; the caller uses its buffer again at once',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const bytes = randomBytes(24 << 20);
    const wanted = digest(bytes);
    ear.transport.write(bytes);
    bytes.fill(0);
    ear.transport.end();
    const received = await rest(peer);
    peer.end();
    await ear.untilClosed();
    return [digest(received) === wanted, ear.events.filter(event => event !== 'drain')];
  },
  [true, ['end', 'close']],
);

both(
  'many small writes, of text and bytes in turns, arrive whole and in order',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const received = rest(peer);
    let wanted = '';
    for (let n = 0; n < 50_000; n++) {
      const text = `${n}\xe9,`;
      wanted += text;
      if (n % 3 === 0) ear.transport.write(Buffer.from(text, 'latin1'));
      else ear.transport.writeText(text);
      if (n % 10_000 === 0) await new Promise(setImmediate);
    }
    ear.transport.end();
    const same = (await received).toString('latin1') === wanted;
    peer.end();
    await ear.untilClosed();
    return same;
  },
  true,
);

/** The fast path and the general path of a transport: the same cases on real sockets, and what is heard has to be equal. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { openTransport } from './handle-transport.ts';
import { SocketTransport, type Transport } from './transport.ts';

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
const sockets: Socket[] = [];
before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
after(() => {
  server.close();
  for (const socket of sockets) socket.destroy();
});

type Open = (socket: Socket, highMark?: number) => Transport;
const paths: Record<string, Open> = {
  'the fast path': openTransport,
  'the general path': (socket, highMark) => openTransport(socket, highMark, {}),
};

async function connected(): Promise<{ socket: Socket; peer: Socket }> {
  const { port } = server.address() as AddressInfo;
  const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const [socket] = (await once(server, 'connection')) as [Socket];
  if (peer.connecting) await once(peer, 'connect');
  peer.on('error', () => {});
  sockets.push(socket, peer);
  return { socket, peer };
}

/** Hears a transport: bytes, and in their order the events. */
class Ear extends EventEmitter {
  readonly transport: Transport;
  readonly events: string[] = [];
  readonly bytes: Buffer[] = [];
  onBytes: (chunk: Buffer) => void = () => {};

  constructor(transport: Transport) {
    super();
    this.transport = transport;
    transport.handler = {
      onRead: chunk => {
        this.bytes.push(Buffer.from(chunk));
        this.onBytes(chunk);
        this.emit('heard');
      },
      onEnd: () => this.#note('end'),
      onDrain: () => this.#note('drain'),
      onClose: error => this.#note(`close ${error?.code ?? ''}`.trim()),
    };
  }

  #note(event: string): void {
    this.events.push(event);
    this.emit('heard');
  }

  get text(): string {
    return Buffer.concat(this.bytes).toString('latin1');
  }

  /** Resolves when that is so; asked again at everything heard. */
  async until(condition: (ear: Ear) => boolean): Promise<void> {
    while (!condition(this)) await once(this, 'heard');
  }

  untilClosed(): Promise<void> {
    return this.until(ear => ear.events.some(event => event.startsWith('close')));
  }
}

/** All that a socket gets until its peer ends. */
async function rest(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of peer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A message there and back on another connection: what was sent before it has arrived. */
async function barrier(): Promise<void> {
  const { socket, peer } = await connected();
  for (const [from, to] of [
    [peer, socket],
    [socket, peer],
  ] as const) {
    to.resume();
    from.write('x');
    await once(to, 'data');
  }
  peer.destroy();
  socket.destroy();
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes in random pieces. */
function* pieces(bytes: Buffer, largest: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = randomInt(1, randomInt(2, largest));
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** Runs a case on both paths; what it returns has to be equal, and what is expected. */
function both(name: string, run: (open: Open) => Promise<unknown>, expected: unknown): void {
  for (const [path, open] of Object.entries(paths)) {
    test(`${name}: ${path}`, { timeout: 30_000 }, async () => assert.deepEqual(await run(open), expected));
  }
}

test('in this Node the fast path is taken', async () => {
  const { socket, peer } = await connected();
  const transport = openTransport(socket);
  assert.ok(!(transport instanceof SocketTransport));
  transport.destroy();
  peer.destroy();
});

test('where Node lacks one of the internals, the general path is taken', async () => {
  const stream = (process as unknown as { binding(name: string): object }).binding('stream_wrap');
  const needed = ['WriteWrap', 'ShutdownWrap', 'streamBaseState', 'kReadBytesOrError', 'kLastWriteWasAsync'];
  for (const name of needed) {
    const { socket, peer } = await connected();
    const transport = openTransport(socket, undefined, { ...stream, [name]: undefined });
    assert.ok(transport instanceof SocketTransport, name);
    const ear = new Ear(transport);
    peer.end('works');
    await ear.until(({ events }) => events.includes('end'));
    assert.equal(ear.text, 'works', name);
    transport.destroy();
  }
  const handleNeeds = ['useUserBuffer', 'readStart', 'readStop', 'writeLatin1String', 'writeBuffer', 'shutdown'];
  for (const name of handleNeeds) {
    const { socket, peer } = await connected();
    Object.defineProperty((socket as unknown as { _handle: object })._handle, name, { value: undefined });
    assert.ok(openTransport(socket) instanceof SocketTransport, name);
    peer.resetAndDestroy();
    socket.on('error', () => {});
  }
});

test('a Node that forbids its internals runs the general path', async () => {
  const script = `
    import { connect } from 'node:net';
    import { openTransport } from ${JSON.stringify(new URL('./handle-transport.ts', import.meta.url).href)};
    const socket = connect(${(server.address() as AddressInfo).port}, '127.0.0.1', () => {
      const transport = openTransport(socket);
      transport.writeText(transport.constructor.name);
      transport.end();
    });`;
  const args = ['--permission', '--allow-fs-read=*', '--input-type=module', '--eval', script];
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const child = promisify(execFile)(process.execPath, args);
  const [socket] = await accepted;
  assert.equal((await rest(socket)).toString(), 'SocketTransport');
  socket.end();
  await child;
});

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

both(
  'the peer ends its half: ours still sends, and the end closes all',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.end('last words');
    await ear.until(({ events }) => events.includes('end'));
    ear.transport.resume();
    await barrier();
    ear.transport.writeText('an answer');
    ear.transport.end();
    const heard = (await rest(peer)).toString();
    await ear.untilClosed();
    return [ear.text, heard, ear.events, ear.transport.closed];
  },
  ['last words', 'an answer', ['end', 'close'], true],
);

both(
  'our half ends: the peer still sends, and its end closes all',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    ear.transport.writeText('a question');
    ear.transport.end();
    const heard = (await rest(peer)).toString();
    const openStill = ear.transport.closed;
    peer.end('late answer');
    await ear.untilClosed();
    return [heard, openStill, ear.text, ear.events];
  },
  ['a question', false, 'late answer', ['end', 'close']],
);

both(
  'what is written after the end goes nowhere and hurts nobody',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.writeText('before');
    transport.end();
    transport.end();
    transport.writeText('after');
    transport.write(Buffer.alloc(100_000));
    transport.flush();
    const heard = (await rest(peer)).toString();
    peer.end();
    await ear.untilClosed();
    return [heard, ear.events, transport.bytesWritten];
  },
  ['before', ['end', 'close'], 6],
);

both(
  'after it was destroyed it is closed at once, once, and does nothing more',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.writeText('sent still');
    transport.destroy();
    const atOnce = [...ear.events];
    transport.destroy();
    transport.writeText('lost');
    transport.write(Buffer.alloc(100_000));
    transport.flush();
    transport.pause();
    transport.resume();
    transport.end();
    const heard = (await rest(peer)).toString();
    peer.end('into the void');
    await barrier();
    return [atOnce, ear.events, heard, ear.text, transport.unsent];
  },
  [['close'], ['close'], 'sent still', '', 0],
);

both(
  'the peer resets while nothing is under way',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.write('a');
    await ear.until(({ bytes }) => bytes.length > 0);
    peer.resetAndDestroy();
    await ear.untilClosed();
    return [ear.text, ear.events, ear.transport.closed];
  },
  ['a', ['close ECONNRESET'], true],
);

both(
  'the peer resets before the transport is opened',
  async open => {
    const { socket, peer } = await connected();
    peer.resetAndDestroy();
    await barrier();
    const ear = new Ear(open(socket));
    await ear.untilClosed();
    return ear.events;
  },
  ['close ECONNRESET'],
);

both(
  'a socket that was destroyed before: closed, after the call',
  async open => {
    const { socket, peer } = await connected();
    socket.destroy();
    await once(socket, 'close');
    const ear = new Ear(open(socket));
    const atOnce = ear.events.length;
    await ear.untilClosed();
    peer.destroy();
    return [atOnce, ear.events];
  },
  [0, ['close']],
);

both(
  'the peer resets while output waits: told once',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    peer.pause();
    while (!transport.congested) transport.write(Buffer.alloc(256 * 1024));
    peer.resetAndDestroy();
    await ear.untilClosed();
    transport.write(Buffer.alloc(20_000));
    const codes = ear.events.filter(event => event !== 'drain');
    return [codes.length, /^close (ECONNRESET|EPIPE)$/.test(codes[0] ?? '')];
  },
  [1, true],
);

both(
  'a write that fails at once is told of after the call',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.pause();
    peer.resetAndDestroy();
    await barrier();
    const before = ear.events.length;
    transport.write(Buffer.alloc(100_000));
    const within = ear.events.length > before;
    await ear.untilClosed();
    return [within, ear.events.length, /^close (ECONNRESET|EPIPE)$/.test(ear.events[0] ?? '')];
  },
  [false, 1, true],
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
  'destroyed in the middle of a write: closed once without error, and the peer sees less',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.pause();
    ear.transport.write(Buffer.alloc(16 << 20));
    ear.transport.destroy();
    const received = await rest(peer).catch(() => Buffer.alloc(0));
    await barrier();
    return [ear.events, received.length < 16 << 20];
  },
  [['close'], true],
);

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

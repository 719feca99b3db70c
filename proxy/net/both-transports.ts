/** For tests of transports: real sockets, what is heard on them, and each case on the fast path and on the general path. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { openTransport } from './handle-transport.ts';
import type { Transport } from './transport.ts';

export const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
const sockets: Socket[] = [];
before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
after(() => {
  server.close();
  for (const socket of sockets) socket.destroy();
});

export type Open = (socket: Socket, highMark?: number) => Transport;
const paths: Record<string, Open> = {
  'the fast path': openTransport,
  'the general path': (socket, highMark) => openTransport(socket, highMark, {}),
};

export async function connected(): Promise<{ socket: Socket; peer: Socket }> {
  const { port } = server.address() as AddressInfo;
  const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const [socket] = (await once(server, 'connection')) as [Socket];
  if (peer.connecting) await once(peer, 'connect');
  peer.on('error', () => {});
  sockets.push(socket, peer);
  return { socket, peer };
}

/** Hears a transport: bytes, and in their order the events. */
export class Ear extends EventEmitter {
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
export async function rest(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of peer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A message there and back on another connection: what was sent before it has arrived. */
export async function barrier(): Promise<void> {
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

export const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Runs a case on both paths; what it returns has to be equal, and what is expected. */
export function both(name: string, run: (open: Open) => Promise<unknown>, expected: unknown): void {
  for (const [path, open] of Object.entries(paths)) {
    test(`${name}: ${path}`, { timeout: 30_000 }, async () => assert.deepEqual(await run(open), expected));
  }
}

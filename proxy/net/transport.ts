/** A byte stream to a peer, as codecs see it: gathered writes, bounded output, back pressure. */

import type { Socket } from 'node:net';
import { latin1 } from './latin1.ts';
import { isPipe, pipeOf } from './pipe.ts';
import { copyOf, giveBack } from './write-buffers.ts';

/** Told about a transport's events. After `onClose` nothing follows. */
export interface TransportHandler {
  /** The bytes are valid during the call only; who keeps them copies them. */
  onRead(chunk: Buffer): void;
  /** The peer will send nothing more. */
  onEnd(): void;
  onClose(error: NodeJS.ErrnoException | undefined): void;
  /** Output went below the low mark after it had been above the high one. */
  onDrain(): void;
}

export interface Transport {
  handler: TransportHandler;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly closed: boolean;
  /** The peer broke it off by a reset. */
  readonly wasReset: boolean;
  bytesRead: number;
  bytesWritten: number;
  /** Appends latin1 text to what is sent at the end of this turn. */
  writeText(text: string): void;
  /** Appends bytes; they are copied where they cannot be sent at once. */
  write(chunk: Buffer): void;
  /** Output above the high mark: stop producing until `onDrain`. */
  readonly congested: boolean;
  /** Bytes that were written and that the kernel has not taken yet. */
  readonly unsent: number;
  /** Sends what was gathered. */
  flush(): void;
  pause(): void;
  resume(): void;
  /** Sends what is left, then closes the sending half; what is written after it goes nowhere. Closes wholly once the peer has ended too. */
  end(): void;
  /** Closes at once; output that was not sent is lost. */
  destroy(): void;
  /** The same, and the peer learns by a reset that not all is well. */
  reset(): void;
}

/** Bytes of a chunk up to which it travels as text with the head before it, in one write. */
export const smallChunk = 16 * 1024;

/** Output (bytes) above which a transport is congested, by Envoy's per_connection_buffer_limit_bytes. */
export const defaultHighMark = 1024 * 1024;

let reading = 0;
let scheduled = false;
const dirty: Transport[] = [];

/** Puts off a transport's flush to the end of the read that is being handled, or of this turn. */
export function flushLater(transport: Transport): void {
  dirty.push(transport);
  if (reading > 0 || scheduled) return;
  scheduled = true;
  process.nextTick(flushDirty);
}

function flushDirty(): void {
  scheduled = false;
  for (let i = 0; i < dirty.length; i++) dirty[i]!.flush();
  dirty.length = 0;
}

/** Brackets the handling of a read: what it writes anywhere leaves in one write for each transport. */
export function deliver(handler: TransportHandler, chunk: Buffer): void {
  reading++;
  try {
    handler.onRead(chunk);
  } finally {
    reading--;
    if (reading === 0 && !scheduled) flushDirty();
  }
}

/** Hears nothing: the handler of a transport that has none yet, or no longer. */
export const nobody: TransportHandler = { onRead() {}, onEnd() {}, onClose() {}, onDrain() {} };

/** A transport on a `net.Socket`: the general path. */
export class SocketTransport implements Transport {
  handler: TransportHandler = nobody;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #highMark: number;
  congested = false;
  #text = '';
  #ended = false;
  #error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket, highMark = defaultHighMark) {
    this.#socket = socket;
    this.#highMark = highMark;
    this.remoteAddress = remoteAddressOf(socket);
    this.localAddress = localAddressOf(socket);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      if (!this.closed) deliver(this.handler, chunk);
    });
    socket.on('end', () => {
      if (!this.closed) this.handler.onEnd();
    });
    socket.on('error', error => {
      this.#error = error;
    });
    socket.on('close', () => this.#onClosed());
    if (socket.destroyed) process.nextTick(() => this.#onClosed());
  }

  get wasReset(): boolean {
    return this.#error?.code === 'ECONNRESET';
  }

  get unsent(): number {
    return this.#text.length + this.#socket.writableLength;
  }

  writeText(text: string): void {
    if (this.closed || this.#ended) return;
    if (this.#text === '') flushLater(this);
    this.#text += text;
  }

  write(chunk: Buffer): void {
    if (this.closed || this.#ended || chunk.length === 0) return;
    if (chunk.length <= smallChunk) {
      this.writeText(latin1(chunk, 0, chunk.length));
      return;
    }
    this.flush();
    this.bytesWritten += chunk.length;
    const copy = copyOf(chunk);
    this.#socket.write(copy, () => {
      giveBack(copy);
      this.#onWritten();
    });
    this.#noteCongestion();
  }

  flush(): void {
    if (this.#text === '' || this.closed) return;
    const text = this.#text;
    this.#text = '';
    this.bytesWritten += text.length;
    this.#socket.write(text, 'latin1', () => this.#onWritten());
    this.#noteCongestion();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#socket.end();
  }

  destroy(): void {
    if (this.closed) return;
    this.flush();
    this.#socket.destroy();
    this.#onClosed();
  }

  reset(): void {
    if (this.closed) return;
    this.flush();
    this.#socket.resetAndDestroy();
    this.#onClosed();
  }

  #noteCongestion(): void {
    if (this.#socket.writableLength > this.#highMark) this.congested = true;
  }

  #onWritten(): void {
    if (!this.congested || this.closed || this.#socket.writableLength > this.#highMark / 2) return;
    this.congested = false;
    this.handler.onDrain();
  }

  #onClosed(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onClose(this.#error);
    this.handler = nobody;
  }
}

export function formatAddress(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  if (address.startsWith('::ffff:')) return `${address.slice(7)}:${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The same of an address that may be a pipe's, which is its path. */
export const addressText = (address: string, port: number): string =>
  isPipe(address) ? address : formatAddress(address, port);

/** `ip:port` of a socket's own end, or the path that it came by; '' where it has none. */
export const localAddressOf = (socket: Socket): string =>
  formatAddress(socket.localAddress, socket.localPort) || pipeOf(socket);

/** The same of its peer's. */
export const remoteAddressOf = (socket: Socket): string =>
  formatAddress(socket.remoteAddress, socket.remotePort) || pipeOf(socket);

/**
 * Fast path: a transport on the handle below a `net.Socket`, without the stream machinery above it. One read buffer serves all
 * connections, and a write that the kernel takes at once costs one call. The handles are Node's own, which it does not document;
 * `openTransport` falls back to `SocketTransport`, and the tests run the same cases over both.
 */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { latin1 } from './latin1.ts';
import {
  defaultHighMark,
  deliver,
  flushLater,
  localAddressOf,
  nobody,
  remoteAddressOf,
  SocketTransport,
  smallChunk,
  type Transport,
  type TransportHandler,
} from './transport.ts';
import { copyOf, giveBack, largestRead } from './write-buffers.ts';

interface WriteRequest {
  handle?: Handle;
  oncomplete?: (status: number) => void;
  bytes?: number;
}

interface Handle {
  onread: (buffer?: ArrayBuffer) => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeLatin1String(request: WriteRequest, text: string): number;
  writeBuffer(request: WriteRequest, chunk: Buffer): number;
  shutdown(request: WriteRequest): number;
  close(callback?: () => void): void;
  /** Of TCP alone. Below 0 where it did not work. */
  reset?(callback: () => void): number;
  /** Bytes that wait for the kernel. */
  readonly writeQueueSize: number;
}

/** What Node's `stream_wrap` holds, as far as it is used here. */
export interface StreamBinding {
  WriteWrap: new () => WriteRequest;
  ShutdownWrap: new () => WriteRequest;
  streamBaseState: Int32Array;
  kReadBytesOrError: number;
  kLastWriteWasAsync: number;
}

const endOfFile = -4095;

const handleMethods = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeLatin1String',
  'writeBuffer',
  'shutdown',
  'close',
] as const;

const binding = findBinding();

function findBinding(): Partial<StreamBinding> {
  try {
    return (process as unknown as { binding(name: string): Partial<StreamBinding> }).binding('stream_wrap');
  } catch {
    // Not to be had in this Node, or not allowed (--permission): the general path serves.
    return {};
  }
}

function isWhole(streams: Partial<StreamBinding>): streams is StreamBinding {
  return (
    typeof streams.WriteWrap === 'function' &&
    typeof streams.ShutdownWrap === 'function' &&
    streams.streamBaseState instanceof Int32Array &&
    typeof streams.kReadBytesOrError === 'number' &&
    typeof streams.kLastWriteWasAsync === 'number'
  );
}

function isUsable(handle: Partial<Handle> | null | undefined): handle is Handle {
  return handle != null && handleMethods.every(name => typeof handle[name] === 'function');
}

/** What is read is handled before the next read, so that one buffer is enough. */
const readBuffer = Buffer.allocUnsafeSlow(largestRead);

/** Whoever is to hold but little gets no more by one read than this, or than it is to hold. */
const carefulRead = 64 * 1024;

/** Bytes of a read: what one connection reads another one has to hold, so the least that any was allowed to hold counts for those opened after it. */
let readSize = largestRead;

/**
 * The fastest transport that this Node has for a connected socket whose reading has not begun.
 * @param streams Node's internals that the fast path stands on; where one is missing, the general path is taken
 */
export function openTransport(
  socket: Socket,
  highMark = defaultHighMark,
  streams: Partial<StreamBinding> = binding,
): Transport {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle;
  if (isWhole(streams) && isUsable(handle)) return new HandleTransport(socket, handle, streams, highMark);
  return openSocketTransport(socket, highMark);
}

/** The same for a socket that does more than carry bytes (TLS), or of which somebody has read. */
export function openSocketTransport(socket: Socket, highMark = defaultHighMark): Transport {
  const transport = new SocketTransport(socket, highMark);
  socket.resume();
  return transport;
}

class HandleTransport implements Transport {
  handler: TransportHandler = nobody;
  closed = false;
  wasReset = false;
  congested = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #handle: Handle;
  readonly #binding: StreamBinding;
  readonly #highMark: number;
  #text = '';
  /** Bytes that the kernel has not taken yet. */
  #outstanding = 0;
  /** A request that was completed at once is used again. */
  #spare: WriteRequest | undefined;
  #peerEnded = false;
  #ended = false;
  #shutDown = false;

  constructor(socket: Socket, handle: Handle, streams: StreamBinding, highMark: number) {
    this.#handle = handle;
    this.#binding = streams;
    this.#highMark = highMark;
    this.remoteAddress = remoteAddressOf(socket);
    this.localAddress = localAddressOf(socket);
    readSize = Math.min(readSize, Math.max(carefulRead, highMark));
    handle.useUserBuffer(readBuffer.subarray(0, readSize));
    handle.onread = () => this.#onRead();
    this.#check(handle.readStart());
  }

  #onRead(): void {
    const count = this.#binding.streamBaseState[this.#binding.kReadBytesOrError]!;
    if (this.closed) return;
    if (count > 0) {
      this.bytesRead += count;
      deliver(this.handler, readBuffer.subarray(0, count));
    } else if (count === endOfFile) this.#onEnd();
    else if (count < 0) this.#fail(count);
  }

  /** Who reads on after the end hears of it again from the kernel. */
  #onEnd(): void {
    if (this.#peerEnded) return;
    this.#peerEnded = true;
    this.handler.onEnd();
    if (this.#shutDown) this.#close(undefined);
  }

  get unsent(): number {
    return this.#text.length + (this.closed ? 0 : this.#handle.writeQueueSize);
  }

  writeText(text: string): void {
    if (this.closed || this.#ended) return;
    if (this.#text === '') flushLater(this);
    this.#text += text;
  }

  write(chunk: Buffer): void {
    if (this.closed || this.#ended || chunk.length === 0) return;
    if (chunk.length <= smallChunk) {
      this.writeText(latin1(chunk));
      return;
    }
    this.flush();
    const copy = copyOf(chunk);
    const request = this.#request();
    this.#sent(request, this.#handle.writeBuffer(request, copy), copy.length, copy);
  }

  flush(): void {
    if (this.#text === '' || this.closed) return;
    const text = this.#text;
    this.#text = '';
    const request = this.#request();
    this.#sent(request, this.#handle.writeLatin1String(request, text), text.length, undefined);
  }

  #request(): WriteRequest {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare ?? new this.#binding.WriteWrap();
  }

  #sent(request: WriteRequest, status: number, bytes: number, chunk: Buffer | undefined): void {
    this.bytesWritten += bytes;
    if (status < 0) {
      this.#check(status);
      return;
    }
    if (this.#binding.streamBaseState[this.#binding.kLastWriteWasAsync] === 0) {
      this.#spare = request;
      if (chunk !== undefined) giveBack(chunk);
      return;
    }
    request.handle = this.#handle;
    request.oncomplete = result => {
      if (chunk !== undefined) giveBack(chunk);
      this.#onWritten(bytes, result);
    };
    this.#outstanding += bytes;
    if (this.#outstanding > this.#highMark) this.congested = true;
  }

  #onWritten(bytes: number, status: number): void {
    this.#outstanding -= bytes;
    if (this.closed) return;
    if (status < 0) this.#fail(status);
    else if (this.congested && this.#outstanding <= this.#highMark / 2) {
      this.congested = false;
      this.handler.onDrain();
    }
  }

  /** What fails within a call is told after it, as by a `net.Socket`. */
  #check(status: number): void {
    if (status < 0) process.nextTick(() => this.#fail(status));
  }

  #fail(status: number): void {
    const error: NodeJS.ErrnoException = new Error(getSystemErrorName(status));
    error.code = error.message;
    this.wasReset = error.code === 'ECONNRESET';
    this.#close(error);
  }

  pause(): void {
    if (!this.closed) this.#handle.readStop();
  }

  resume(): void {
    if (!this.closed) this.#check(this.#handle.readStart());
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.flush();
    this.#ended = true;
    const request = new this.#binding.ShutdownWrap();
    request.handle = this.#handle;
    request.oncomplete = status => this.#onShutDown(status);
    this.#check(this.#handle.shutdown(request));
  }

  #onShutDown(status: number): void {
    if (this.closed) return;
    this.#shutDown = true;
    if (status < 0) this.#fail(status);
    else if (this.#peerEnded) this.#close(undefined);
  }

  destroy(): void {
    this.flush();
    this.#close(undefined);
  }

  reset(): void {
    this.flush();
    this.#close(undefined, true);
  }

  #close(error: NodeJS.ErrnoException | undefined, byReset = false): void {
    if (this.closed) return;
    this.closed = true;
    this.#handle.readStop();
    // What is being shut down cannot be reset any more.
    const done = byReset && (this.#handle.reset?.(() => {}) ?? -1) >= 0;
    if (!done) this.#handle.close();
    const { handler } = this;
    this.handler = nobody;
    handler.onClose(error);
  }
}

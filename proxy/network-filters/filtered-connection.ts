/** A transport that filters stand before: what comes on it reaches its handler only past them. */
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { FilteredClient, NetworkFilter, NetworkFilterFactory, Verdict } from './network-filter.ts';

export class FilteredConnection implements Transport, TransportHandler, FilteredClient {
  handler: TransportHandler = nobody;
  readonly info: StreamInfo;
  readonly #inner: Transport;
  readonly #filters: NetworkFilter[] = [];

  constructor(inner: Transport, info: StreamInfo) {
    this.#inner = inner;
    this.info = info;
    inner.handler = this;
  }

  /** Shows the connection to the filters, one after the other. */
  start(factories: readonly NetworkFilterFactory[]): Verdict {
    for (const create of factories) {
      const filter = create(this);
      this.#filters.push(filter);
      this.info.stoppedByFilter = this.#filters.length - 1;
      if (filter.onConnection() === 'continue') continue;
      this.#inner.pause();
      return 'stop';
    }
    this.info.stoppedByFilter = undefined;
    return 'continue';
  }

  close(): void {
    this.#inner.destroy();
  }

  #passes(): boolean {
    const filters = this.#filters;
    for (let index = 0; index < filters.length; index++) {
      // Known before the connection is closed, which happens within.
      this.info.stoppedByFilter = index;
      if (filters[index]!.onData() !== 'continue') return false;
    }
    this.info.stoppedByFilter = undefined;
    return true;
  }

  onRead(chunk: Buffer): void {
    if (this.#passes()) this.handler.onRead(chunk);
  }

  onEnd(): void {
    if (this.#passes()) this.handler.onEnd();
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    for (const filter of this.#filters) filter.onClose();
    this.handler.onClose(error);
    this.handler = nobody;
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  // ---- the transport beneath

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }

  get closed(): boolean {
    return this.#inner.closed;
  }

  get wasReset(): boolean {
    return this.#inner.wasReset;
  }

  get bytesRead(): number {
    return this.#inner.bytesRead;
  }

  get bytesWritten(): number {
    return this.#inner.bytesWritten;
  }

  get congested(): boolean {
    return this.#inner.congested;
  }

  get unsent(): number {
    return this.#inner.unsent;
  }

  writeText(text: string): void {
    this.#inner.writeText(text);
  }

  write(chunk: Buffer): void {
    this.#inner.write(chunk);
  }

  flush(): void {
    this.#inner.flush();
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  reset(): void {
    this.#inner.reset();
  }
}

/** A transport that filters stand before: what comes on it reaches its handler only past them. */
import { nobody, type Transport, type TransportHandler } from '../net/transport.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { FilteredClient, NetworkFilter, NetworkFilterFactory, Verdict } from './network-filter.ts';

/** Bytes that are kept while a filter waits: with more of them, no more is read. */
const mostHeld = 64 * 1024;

export class FilteredConnection implements Transport, TransportHandler, FilteredClient {
  handler: TransportHandler = nobody;
  readonly info: StreamInfo;
  readonly #inner: Transport;
  readonly #filters: NetworkFilter[] = [];
  /** The place of the filter that waits; undefined: none does. */
  #waiting: number | undefined;
  /** What follows where it is the connection itself that waits. */
  #proceed: (() => void) | undefined;
  /** What came meanwhile, and the first filter that has not seen it. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldEnd = false;
  #from = 0;
  /** Whether the handler wants nothing now, and whether the transport beneath is told so. */
  #paused = false;
  #innerPaused = false;

  constructor(inner: Transport, info: StreamInfo) {
    this.#inner = inner;
    this.info = info;
    inner.handler = this;
  }

  /**
   * Shows the connection to the filters, one after the other.
   * @param onPassed is told once all have let it pass, maybe before this returns
   */
  start(factories: readonly NetworkFilterFactory[], onPassed: () => void): void {
    while (this.#filters.length < factories.length) {
      const at = this.#filters.length;
      const filter = factories[at]!(this);
      this.#filters.push(filter);
      this.info.stoppedByFilter = at;
      const verdict = filter.onConnection();
      if (verdict === 'continue') continue;
      if (verdict === 'stop') this.#pauseInner();
      else {
        this.#wait(at);
        this.#proceed = () => this.start(factories, onPassed);
      }
      return;
    }
    this.info.stoppedByFilter = undefined;
    onPassed();
  }

  close(): void {
    this.info.stoppedByFilter ??= this.#waiting;
    this.#inner.destroy();
  }

  continue(): void {
    const [proceed, at] = [this.#proceed, this.#waiting!];
    this.#proceed = undefined;
    this.#waiting = undefined;
    if (proceed === undefined) this.#from = at + 1;
    else proceed();
    this.#release();
  }

  #wait(at: number): void {
    this.info.stoppedByFilter = undefined;
    this.#waiting = at;
  }

  /** Passes on what was kept, as soon as it is wanted. */
  #release(): void {
    if (this.#isBlocked) return;
    const from = this.#from;
    this.#from = 0;
    if (this.#held.length > 0) {
      const chunk = Buffer.concat(this.#held);
      this.#held = [];
      this.#heldBytes = 0;
      this.#pass(chunk, from);
    }
    if (this.#isBlocked) return;
    this.#resumeInner();
    if (!this.#heldEnd) return;
    this.#heldEnd = false;
    this.#passEnd(from);
  }

  get #isBlocked(): boolean {
    return this.#waiting !== undefined || this.#paused || this.closed;
  }

  #hold(chunk: Buffer): void {
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
    if (this.#heldBytes >= mostHeld) this.#pauseInner();
  }

  /** What the filters say to what came, from this one on. */
  #judge(from: number): Verdict {
    const filters = this.#filters;
    for (let index = from; index < filters.length; index++) {
      // Known before the connection is closed, which happens within.
      this.info.stoppedByFilter = index;
      const verdict = filters[index]!.onData();
      if (verdict === 'wait') this.#wait(index);
      if (verdict !== 'continue') return verdict;
    }
    this.info.stoppedByFilter = undefined;
    return 'continue';
  }

  #pass(chunk: Buffer, from: number): void {
    const verdict = this.#judge(from);
    if (verdict === 'continue') this.handler.onRead(chunk);
    else if (verdict === 'wait') this.#hold(chunk);
  }

  #passEnd(from: number): void {
    const verdict = this.#judge(from);
    if (verdict === 'continue') this.handler.onEnd();
    else if (verdict === 'wait') this.#heldEnd = true;
  }

  onRead(chunk: Buffer): void {
    if (this.#waiting !== undefined || this.#held.length > 0) this.#hold(chunk);
    else this.#pass(chunk, 0);
  }

  onEnd(): void {
    if (this.#waiting !== undefined || this.#held.length > 0) this.#heldEnd = true;
    else this.#passEnd(0);
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#waiting = undefined;
    for (const filter of this.#filters) filter.onClose();
    this.handler.onClose(error);
    this.handler = nobody;
  }

  onDrain(): void {
    this.handler.onDrain();
  }

  #pauseInner(): void {
    if (!this.#innerPaused) this.#inner.pause();
    this.#innerPaused = true;
  }

  #resumeInner(): void {
    if (this.#innerPaused) this.#inner.resume();
    this.#innerPaused = false;
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
    this.#paused = true;
    this.#pauseInner();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held.length === 0 && !this.#heldEnd) this.#resumeInner();
    // Whoever resumes need not be ready for it yet.
    else process.nextTick(() => this.#release());
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

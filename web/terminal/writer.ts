/** A slice is parsed in a few milliseconds, so that a key pressed meanwhile is not kept waiting. */
const sliceBytes = 32 * 1024;
/** Slices that the terminal may have at a time: one that it parses, and the next. */
const slicesAhead = 2;
/** Acknowledge that often while output streams; the agent pauses at 512 KiB. */
const ackBytes = 64 * 1024;

interface Chunk {
  offset: number;
  bytes: Uint8Array;
}
const nothing = new Uint8Array(0);

/** Writes output to a terminal in slices, and acknowledges what is on the screen. */
export class OutputWriter {
  readonly #write: (bytes: Uint8Array, done: () => void) => void;
  readonly #ack: (offset: number) => void;
  #queue: (Chunk | (() => void))[] = [];
  #ahead = 0;
  #acknowledged = 0;
  #generation = 0;

  constructor(write: (bytes: Uint8Array, done: () => void) => void, ack: (offset: number) => void) {
    this.#write = write;
    this.#ack = ack;
  }

  /** Takes output that begins at `offset`. */
  push(offset: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += sliceBytes)
      this.#queue.push({ offset: offset + from, bytes: bytes.subarray(from, from + sliceBytes) });
    this.#next();
  }

  /** Does something when all output that came before is on the screen, and nothing of what comes after. */
  afterwards(action: () => void): void {
    this.#queue.push(action);
    this.#next();
  }

  /** Forgets what was not written, since a snapshot as of `offset` takes its place. */
  restart(offset: number): void {
    this.#generation += 1;
    this.#queue = [];
    this.#ahead = 0;
    this.#acknowledged = offset;
  }

  #next(): void {
    while (this.#ahead < slicesAhead) {
      const item = this.#queue.shift();
      if (item === undefined) return;
      this.#ahead += 1;
      const generation = this.#generation;
      const bytes = typeof item === 'function' ? nothing : item.bytes;
      this.#write(bytes, () => generation === this.#generation && this.#written(item));
    }
  }

  #written(item: Chunk | (() => void)): void {
    this.#ahead -= 1;
    if (typeof item === 'function') item();
    else this.#acknowledge(item);
    this.#next();
  }

  #acknowledge(chunk: Chunk): void {
    const offset = chunk.offset + chunk.bytes.length;
    const idle = this.#queue.length === 0 && this.#ahead === 0;
    if (idle || offset - this.#acknowledged >= ackBytes) {
      this.#acknowledged = offset;
      this.#ack(offset);
    }
  }
}

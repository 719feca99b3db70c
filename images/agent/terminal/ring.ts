/** The last bytes of a terminal's output, each known by its offset since the terminal's beginning. Grows as it is needed, up to its bound. */
export class OutputRing {
  readonly #maximum: number;
  #bytes: Buffer;
  #end = 0;
  #held = 0;

  constructor(maximum: number, initial = 16 * 1024) {
    this.#maximum = maximum;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(initial, maximum));
  }

  /** The offset of the first byte that is still here. */
  get start(): number {
    return this.#end - this.#held;
  }

  /** The offset after the last byte. */
  get end(): number {
    return this.#end;
  }

  append(chunk: Buffer): void {
    const kept = chunk.length > this.#maximum ? chunk.subarray(chunk.length - this.#maximum) : chunk;
    this.#reserve(Math.min(this.#held + kept.length, this.#maximum));
    this.#end += chunk.length;
    this.#place(kept, this.#end - kept.length);
    this.#held = Math.min(this.#held + kept.length, this.#bytes.length);
  }

  /** Up to `most` bytes from `offset` on, as a copy; empty at the end, undefined where they are gone or not yet there. */
  read(offset: number, most: number): Buffer | undefined {
    if (offset < this.start || offset > this.#end) return undefined;
    const copy = Buffer.allocUnsafe(Math.min(most, this.#end - offset));
    const at = offset % this.#bytes.length;
    const first = Math.min(copy.length, this.#bytes.length - at);
    this.#bytes.copy(copy, 0, at, at + first);
    this.#bytes.copy(copy, first, 0, copy.length - first);
    return copy;
  }

  #place(bytes: Buffer, offset: number): void {
    const at = offset % this.#bytes.length;
    const first = Math.min(bytes.length, this.#bytes.length - at);
    bytes.copy(this.#bytes, at, 0, first);
    bytes.copy(this.#bytes, 0, first);
  }

  #reserve(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const old = this.read(this.start, this.#held) ?? Buffer.alloc(0);
    let size = this.#bytes.length;
    while (size < needed) size = Math.min(size * 2, this.#maximum);
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#place(old, this.start);
  }
}

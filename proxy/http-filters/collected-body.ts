/** A body that a filter keeps until it is whole, as far as it may. */
export class CollectedBody {
  bytes = 0;
  readonly #most: number;
  #chunks: Buffer[] = [];

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns false where it is more than may be kept: nothing of it is kept any longer */
  add(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (this.bytes > this.#most) {
      this.#chunks = [];
      return false;
    }
    // A chunk is valid during the call only.
    if (chunk.length > 0) this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  /** All of it; it is kept no longer. */
  take(): Buffer {
    const body = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return body;
  }
}

/** Messages between the proxy and the process that loads resources: four bytes of length, then so many bytes. */

const headBytes = 4;

export function frame(payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

/** Puts messages together from the chunks of a stream. */
export class FrameReader {
  readonly #onFrame: (payload: Buffer) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(onFrame: (payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= headBytes) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [all];
      const end = headBytes + all.readUInt32BE();
      if (all.length < end) return;
      this.#chunks = all.length > end ? [all.subarray(end)] : [];
      this.#bytes = all.length - end;
      this.#onFrame(all.subarray(headBytes, end));
    }
  }
}

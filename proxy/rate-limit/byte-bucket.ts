/** A bucket of bytes that fills steadily and holds those of one second, as Envoy's bandwidth limits have it. Workers may share one. */
import type { SharedMemory } from '../workers/shared-memory.ts';

export class ByteBucket {
  readonly #bytesPerSecond: bigint;
  /** How far the bytes are taken that came in since the clock began. */
  readonly #taken: BigInt64Array;
  readonly #now: () => bigint;

  /**
   * @param firstBytes how many there are at first
   * @param shared where all workers take from the same; undefined: there is one
   * @param now nanoseconds of a clock that all workers have in common, and that never goes back
   */
  constructor(
    bytesPerSecond: number,
    firstBytes: number,
    shared: SharedMemory | undefined,
    now: () => bigint = process.hrtime.bigint,
  ) {
    this.#bytesPerSecond = BigInt(bytesPerSecond);
    const size = BigInt64Array.BYTES_PER_ELEMENT;
    this.#taken = new BigInt64Array(shared?.next(`bytes ${bytesPerSecond}`, size) ?? new SharedArrayBuffer(size));
    this.#now = now;
    // Another worker may have begun it.
    Atomics.compareExchange(this.#taken, 0, 0n, this.#come() - BigInt(firstBytes));
  }

  /** Takes as many as there are, but no more than that; returns how many. */
  take(most: number): number {
    const come = this.#come();
    for (;;) {
      const before = Atomics.load(this.#taken, 0);
      // What is over the size is lost.
      const from = max(before, come - this.#bytesPerSecond);
      const bytes = Math.min(most, Math.max(0, Number(come - from)));
      if (Atomics.compareExchange(this.#taken, 0, before, from + BigInt(bytes)) === before) return bytes;
    }
  }

  #come(): bigint {
    return (this.#now() * this.#bytesPerSecond) / 1_000_000_000n;
  }
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

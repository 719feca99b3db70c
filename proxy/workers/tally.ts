/** Whole numbers that are counted up and down, by one worker or by all together. */

export interface Tally {
  get(index: number): number;
  /** Returns what it is then. */
  add(index: number, amount: number): number;
  /** Returns what it was. */
  clear(index: number): number;
}

/** @param shared undefined: nobody else counts */
export function tallyOf(size: number, shared: SharedArrayBuffer | undefined): Tally {
  return shared === undefined ? new OwnTally(size) : new SharedTally(shared);
}

/** Bytes of the memory for so many numbers. */
export const tallyBytes = (size: number): number => size * Int32Array.BYTES_PER_ELEMENT;

class OwnTally implements Tally {
  // A typed array takes ten times as much memory, and each cluster has eight tallies.
  readonly #cells: number[];

  constructor(size: number) {
    this.#cells = new Array<number>(size).fill(0);
  }

  get(index: number): number {
    return this.#cells[index]!;
  }

  add(index: number, amount: number): number {
    this.#cells[index]! += amount;
    return this.#cells[index]!;
  }

  clear(index: number): number {
    const before = this.#cells[index]!;
    this.#cells[index] = 0;
    return before;
  }
}

class SharedTally implements Tally {
  readonly #cells: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared);
  }

  get(index: number): number {
    return Atomics.load(this.#cells, index);
  }

  add(index: number, amount: number): number {
    return Atomics.add(this.#cells, index, amount) + amount;
  }

  clear(index: number): number {
    // Looking is cheaper than writing, and nearly always enough.
    return Atomics.load(this.#cells, index) === 0 ? 0 : Atomics.exchange(this.#cells, index, 0);
  }
}

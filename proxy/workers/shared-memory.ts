/**
 * Memory in which all workers of the process count together. Each of them compiles the same configuration; what is to be shared has a name that all
 * give it alike. The first worker makes it, and tells the others before it tells them what to compile.
 */
export abstract class SharedMemory {
  #unit = '';
  #counts = new Map<string, number>();

  /** The memory of that name: zeroes, until somebody counts. */
  abstract buffer(name: string, bytes: number): SharedArrayBuffer;

  /** Compiles a part of the configuration, so that what it asks for by `next` is its own. */
  within<Made>(unit: string, make: () => Made): Made {
    const [outerUnit, outerCounts] = [this.#unit, this.#counts];
    this.#unit = unit;
    this.#counts = new Map();
    try {
      return make();
    } finally {
      this.#unit = outerUnit;
      this.#counts = outerCounts;
    }
  }

  /** The next memory of its kind within the part that is compiled. */
  next(kind: string, bytes: number): SharedArrayBuffer {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    return this.buffer(`${this.#unit}/${kind}/${count}`, bytes);
  }
}

/** That of the first worker. A name is free again once nobody here counts in its memory. */
export class OwnedMemory extends SharedMemory {
  readonly #known = new Map<string, WeakRef<SharedArrayBuffer>>();
  readonly #tell: (name: string, buffer: SharedArrayBuffer | undefined) => void;
  readonly #gone = new FinalizationRegistry<string>(name => this.#forget(name));

  /** @param tell hears of what is made, and of what is gone: undefined */
  constructor(tell: (name: string, buffer: SharedArrayBuffer | undefined) => void) {
    super();
    this.#tell = tell;
  }

  override buffer(name: string, bytes: number): SharedArrayBuffer {
    const known = this.#known.get(name)?.deref();
    if (known !== undefined && known.byteLength === bytes) return known;
    const buffer = new SharedArrayBuffer(bytes);
    this.#known.set(name, new WeakRef(buffer));
    this.#gone.register(buffer, name);
    this.#tell(name, buffer);
    return buffer;
  }

  #forget(name: string): void {
    if (this.#known.get(name)?.deref() !== undefined) return;
    this.#known.delete(name);
    this.#tell(name, undefined);
  }
}

/** That of another worker: what the first one told. */
export class ToldMemory extends SharedMemory {
  readonly #told = new Map<string, SharedArrayBuffer>();

  hear(name: string, buffer: SharedArrayBuffer | undefined): void {
    if (buffer === undefined) this.#told.delete(name);
    else this.#told.set(name, buffer);
  }

  /** What was never told is only this worker's. */
  override buffer(name: string, bytes: number): SharedArrayBuffer {
    const told = this.#told.get(name);
    return told?.byteLength === bytes ? told : new SharedArrayBuffer(bytes);
  }
}

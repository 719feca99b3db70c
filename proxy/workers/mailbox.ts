/** The last that was told under each name, for whoever asks for it now or later. */
export class Mailbox<Told> {
  readonly #last = new Map<string, Told>();
  readonly #readers = new Map<string, Set<(told: Told) => void>>();

  put(name: string, told: Told): void {
    this.#last.set(name, told);
    for (const read of this.#readers.get(name) ?? []) read(told);
  }

  /** Nothing more will be told under that name. */
  drop(name: string): void {
    this.#last.delete(name);
  }

  /** Calls back with what was told last, if anything, and with all that comes; returns what ends that. */
  read(name: string, reader: (told: Told) => void): () => void {
    const readers = this.#readers.get(name) ?? new Set();
    this.#readers.set(name, readers.add(reader));
    if (this.#last.has(name)) reader(this.#last.get(name) as Told);
    return () => {
      readers.delete(reader);
      if (readers.size === 0 && this.#readers.get(name) === readers) this.#readers.delete(name);
    };
  }
}

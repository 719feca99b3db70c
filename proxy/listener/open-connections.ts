/** The connections that a terminal filter serves. */
export class OpenConnections<Connection> {
  readonly #open = new Set<Connection>();
  readonly #whenEmpty: (() => void)[] = [];

  add(connection: Connection): void {
    this.#open.add(connection);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
    this.#tellEmpty();
  }

  /** Those that are open now: they may close meanwhile. */
  [Symbol.iterator](): Iterator<Connection> {
    return [...this.#open][Symbol.iterator]();
  }

  /** Resolves when there is none. */
  empty(): Promise<void> {
    return new Promise(resolve => {
      this.#whenEmpty.push(resolve);
      this.#tellEmpty();
    });
  }

  #tellEmpty(): void {
    if (this.#open.size === 0) for (const tell of this.#whenEmpty.splice(0)) tell();
  }
}

/** Connections that come together are served together. */

/** Milliseconds that a connection waits at most for those after it. */
const patienceMs = 20;

/**
 * libuv accepts one connection from a socket in a turn of the event loop. Served at once, the first ones of a burst fill all turns after it with their
 * requests, and the last of 512 clients that came at once got its first answer after those before it had had five thousand. So what was accepted is
 * served when a turn brings nothing further, or after some time: until then turns are short, and a burst is accepted in a few milliseconds.
 * One that comes alone waits for one more turn.
 */
export class AcceptBurst<Connection> {
  readonly #serve: (connection: Connection) => void;
  #waiting: Connection[] = [];
  #seen = 0;
  #sinceMs = 0;

  constructor(serve: (connection: Connection) => void) {
    this.#serve = serve;
  }

  /** A connection was accepted: it is served soon. */
  add(connection: Connection): void {
    this.#waiting.push(connection);
    if (this.#waiting.length > 1) return;
    this.#seen = 0;
    this.#sinceMs = performance.now();
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    const count = this.#waiting.length;
    if (count === this.#seen || performance.now() - this.#sinceMs >= patienceMs) {
      this.serveAll();
      return;
    }
    this.#seen = count;
    setImmediate(this.#look);
  };

  /** Serves those that wait, now. */
  serveAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) this.#serve(connection);
  }
}

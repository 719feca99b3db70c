/** Asks a peer at intervals whether it is still there (`connection_keepalive`). */

export interface KeepAliveOwner {
  /** @param opaque eight bytes */
  ping(opaque: string): void;
  /** No answer came in time. */
  onSilent(): void;
}

export class KeepAlive {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #owner: KeepAliveOwner;
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;

  constructor(intervalMs: number, timeoutMs: number, owner: KeepAliveOwner) {
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#owner = owner;
    this.#wait();
  }

  #wait(): void {
    this.#timer = setTimeout(() => this.#ask(), this.#intervalMs).unref();
  }

  #ask(): void {
    this.#owner.ping(String(++this.#asked % 1e8).padStart(8, '0'));
    this.#timer = setTimeout(() => this.#owner.onSilent(), this.#timeoutMs).unref();
  }

  /** Any answer will do: it is alive. */
  onAnswer(): void {
    clearTimeout(this.#timer);
    this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

import type { Transport } from './transport.ts';

/** The end of a connection that we ended: the peer gets some time to close it, and again as long as it takes what is left to send. */
export class LingeringClose {
  readonly #transport: Transport;
  readonly #lingerMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param lingerMs milliseconds (delayed_close_timeout) */
  constructor(transport: Transport, lingerMs: number) {
    this.#transport = transport;
    this.#lingerMs = lingerMs;
  }

  /** Sends what is left, then closes our half. */
  begin(): void {
    this.#transport.end();
    if (this.#timer === undefined) this.#wait();
  }

  #wait(): void {
    const { unsent } = this.#transport;
    this.#timer = setTimeout(() => {
      if (this.#transport.unsent < unsent) this.#wait();
      else this.#transport.destroy();
    }, this.#lingerMs);
  }

  /** It is closed. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Asks a peer at intervals whether it is still there (`connection_keepalive`). */

import type { Http2Options } from './options.ts';

export interface KeepAliveOwner {
  /** @param opaque eight bytes */
  ping(opaque: string): void;
  /** No answer came in time. */
  onSilent(): void;
}

type KeepAliveOptions = Pick<Http2Options, 'keepAliveIntervalMs' | 'keepAliveJitter' | 'keepAliveTimeoutMs'>;

export class KeepAlive {
  readonly #intervalMs: number;
  readonly #jitter: number;
  readonly #timeoutMs: number;
  readonly #owner: KeepAliveOwner;
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;

  constructor(options: KeepAliveOptions, owner: KeepAliveOwner) {
    this.#intervalMs = options.keepAliveIntervalMs;
    this.#jitter = options.keepAliveJitter;
    this.#timeoutMs = options.keepAliveTimeoutMs;
    this.#owner = owner;
    this.#wait();
  }

  #wait(): void {
    const waitMs = this.#intervalMs * (1 + Math.random() * this.#jitter);
    this.#timer = setTimeout(() => this.#ask(), waitMs).unref();
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

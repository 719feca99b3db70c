const minute = 60_000;
/** Extending again and again ends here. */
const longestAheadMs = 8 * 60 * minute;

export interface IdleOptions {
  /** 0: never. */
  idleMs: number;
  warn(minutesLeft: number): void;
  expire(): void;
  now?: () => number;
}

/** Ends what nobody uses, after a warning. Being used and being extended both push the end away. */
export class IdleTimer {
  readonly #options: IdleOptions;
  readonly #now: () => number;
  #expiresAtMs = 0;
  #warned = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: IdleOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** When it ends if nothing happens; null: never. */
  get expiresAtMs(): number | null {
    return this.#timer === null ? null : this.#expiresAtMs;
  }

  start(expiresAtMs: number | null = null): void {
    if (this.#options.idleMs === 0) return;
    this.#expiresAtMs = expiresAtMs ?? 0;
    this.#timer ??= setTimeout(() => {}, 0);
    this.touch();
    this.#schedule();
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Someone does something. Answers whether the end moved by enough to be told. */
  touch(): boolean {
    return this.#moveTo(this.#now() + this.#options.idleMs);
  }

  /** Adds a whole idle time. */
  extend(): boolean {
    return this.#moveTo(Math.min(this.#expiresAtMs + this.#options.idleMs, this.#now() + longestAheadMs));
  }

  #moveTo(expiresAtMs: number): boolean {
    if (this.#timer === null || expiresAtMs <= this.#expiresAtMs) return false;
    const told = this.#warned || expiresAtMs - this.#expiresAtMs >= minute;
    if (!told) return false;
    this.#expiresAtMs = expiresAtMs;
    this.#warned = false;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#timer) clearTimeout(this.#timer);
    const left = this.#expiresAtMs - this.#now();
    const warnBefore = Math.min(5 * minute, this.#options.idleMs / 4);
    const wait = this.#warned ? left : left - warnBefore;
    this.#timer = setTimeout(() => this.#due(), Math.min(Math.max(wait, 0), 2 ** 31 - 1));
    this.#timer.unref();
  }

  #due(): void {
    const left = this.#expiresAtMs - this.#now();
    if (this.#warned && left <= 0) {
      this.stop();
      this.#options.expire();
      return;
    }
    if (!this.#warned) this.#options.warn(Math.max(1, Math.round(left / minute)));
    this.#warned = true;
    this.#schedule();
  }
}

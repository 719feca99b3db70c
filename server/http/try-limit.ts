import { UnicornError } from '../errors.ts';

/** Bounds how many wrong codes and secrets one address may try. */
export class TryLimit {
  readonly #allowed: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();

  constructor({ allowed = 20, windowMs = 60_000, now = Date.now } = {}) {
    this.#allowed = allowed;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** @throws UnicornError `too-many-tries` */
  check(address: string): void {
    const entry = this.#current(address);
    if (!entry || entry.count < this.#allowed) return;
    const seconds = Math.ceil((entry.sinceMs + this.#windowMs - this.#now()) / 1000);
    throw new UnicornError(
      'too-many-tries',
      'Too many wrong tries from this address.',
      `Wait ${seconds} s, then try again.`,
    );
  }

  /** Notes a wrong try. */
  fail(address: string): void {
    const entry = this.#current(address);
    if (entry) entry.count++;
    else this.#add(address);
  }

  #current(address: string): { count: number; sinceMs: number } | undefined {
    const entry = this.#failures.get(address);
    return entry && this.#now() - entry.sinceMs < this.#windowMs ? entry : undefined;
  }

  #add(address: string): void {
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, sinceMs: this.#now() });
    if (this.#failures.size > 10_000) this.#failures.delete(this.#failures.keys().next().value ?? '');
  }
}

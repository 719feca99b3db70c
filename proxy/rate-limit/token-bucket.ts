/** A bucket of tokens that fills steadily, as Envoy's local rate limits do: `tokensPerFill / fillIntervalMs` a millisecond, up to its size. */
import type { TokenBucket as Configuration } from '../api/envoy/type/v3/token_bucket_pb.js';
import { milliseconds } from '../duration.ts';

export class TokenBucket {
  readonly maximum: number;
  readonly tokensPerMs: number;
  #tokens: number;
  #countedAtMs: number;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(configuration: Configuration, now: () => number = () => performance.now()) {
    this.maximum = configuration.maxTokens;
    this.tokensPerMs = (configuration.tokensPerFill ?? 1) / milliseconds(configuration.fillInterval, 1000);
    this.#tokens = this.maximum;
    this.#now = now;
    this.#countedAtMs = now();
  }

  /** Takes a token; false where there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Whole tokens that are there. */
  get remaining(): number {
    this.#fill();
    return Math.floor(this.#tokens);
  }

  #fill(): void {
    const now = this.#now();
    this.#tokens = Math.min(this.maximum, this.#tokens + (now - this.#countedAtMs) * this.tokensPerMs);
    this.#countedAtMs = now;
  }
}

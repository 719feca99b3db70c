/** A bucket of tokens that fills steadily, as Envoy's local rate limits do: `tokensPerFill / fillIntervalMs` a millisecond, up to its size. */
import type { TokenBucket as Configuration } from '../api/envoy/type/v3/token_bucket_pb.js';
import { milliseconds } from '../duration.ts';
import type { SharedMemory } from '../workers/shared-memory.ts';

export interface Bucket {
  readonly tokensPerMs: number;
  /** Takes a token; false where there is none. */
  take(): boolean;
}

/** @param shared where all workers take from the same; undefined: there is one */
export function bucketOf(configuration: Configuration, shared: SharedMemory | undefined): Bucket {
  if (shared === undefined) return new TokenBucket(configuration);
  const { maxTokens, tokensPerFill = 1 } = configuration;
  const kind = `bucket ${maxTokens} ${tokensPerFill} ${milliseconds(configuration.fillInterval, 1000)}`;
  return new SharedTokenBucket(configuration, shared.next(kind, BigInt64Array.BYTES_PER_ELEMENT));
}

export class TokenBucket implements Bucket {
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

/** One that several workers take from. All that is kept is one time, in nanoseconds: when it was empty, had it filled ever since. */
export class SharedTokenBucket implements Bucket {
  readonly tokensPerMs: number;
  readonly #emptyAt: BigInt64Array;
  /** To fill one token, and all. */
  readonly #tokenNs: bigint;
  readonly #wholeNs: bigint;
  readonly #now: () => bigint;

  /** @param now nanoseconds of a clock that all workers have in common, and that never goes back */
  constructor(
    { maxTokens, tokensPerFill, fillInterval }: Configuration,
    shared: SharedArrayBuffer,
    now: () => bigint = process.hrtime.bigint,
  ) {
    this.tokensPerMs = (tokensPerFill ?? 1) / milliseconds(fillInterval, 1000);
    this.#tokenNs = BigInt(Math.max(1, Math.round(1e6 / this.tokensPerMs)));
    this.#wholeNs = this.#tokenNs * BigInt(maxTokens);
    this.#emptyAt = new BigInt64Array(shared);
    this.#now = now;
  }

  take(): boolean {
    const now = this.#now();
    const longAgo = now - this.#wholeNs;
    for (;;) {
      const emptyAt = Atomics.load(this.#emptyAt, 0);
      // What is over the size is lost. One that nobody has taken from is full.
      const next = (emptyAt === 0n || emptyAt < longAgo ? longAgo : emptyAt) + this.#tokenNs;
      if (next > now) return false;
      if (Atomics.compareExchange(this.#emptyAt, 0, emptyAt, next) === emptyAt) return true;
    }
  }
}

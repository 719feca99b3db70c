/** One that asks for resources by a stream, which it may share with others. */
import type { LoadedResource, RefusedResource } from '../configuration/resources.ts';
import {
  type Consumer,
  type Interest,
  type Subscription,
  type SubscriptionStats,
  type Update,
  UpdateRefused,
} from './subscription.ts';

/** What carries the requests of watches. */
export interface WatchCarrier {
  add(watch: Watch): void;
  remove(watch: Watch): void;
  /** It asks for more. */
  ask(watch: Watch): void;
}

export interface WatchOptions {
  interest: Interest;
  consumer: Consumer;
  stats: SubscriptionStats;
  /** How long a first answer is waited for; 0: for ever. */
  initialFetchTimeoutMs: number;
}

export class Watch implements Subscription {
  readonly interest: Interest;
  readonly #options: WatchOptions;
  readonly #carrier: WatchCarrier;
  readonly #answered = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  /** When the first answer is waited for no longer; undefined: it came, or it may take any time. */
  #endsAt: number | undefined;
  readonly #demanded = new Set<string>();
  #stopped = false;

  constructor(carrier: WatchCarrier, options: WatchOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.interest = options.interest;
  }

  start(): Promise<void> {
    const { stats, initialFetchTimeoutMs } = this.#options;
    // What was asked for before was counted.
    if (this.#demanded.size === 0) stats.updateAttempt.increment();
    if (initialFetchTimeoutMs > 0) this.#endsAt = performance.now() + initialFetchTimeoutMs;
    this.resumeWait();
    this.#carrier.add(this);
    return this.#answered.promise;
  }

  /** What is asked for now; undefined: all that there are. */
  get names(): readonly string[] | undefined {
    const { names, within, onDemand } = this.interest;
    return within === undefined && onDemand === undefined ? names : [...this.#demanded];
  }

  demand(name: string): void {
    const isKnown = this.#demanded.has(name);
    if (this.#stopped || (isKnown && !this.interest.onDemand)) return;
    // As Envoy counts: whether anything is asked or not.
    this.#options.stats.updateAttempt.increment();
    if (isKnown) return;
    this.#demanded.add(name);
    this.#carrier.ask(this);
  }

  /** Something came: whether it is an answer is seen once it was read. */
  pauseWait(): void {
    clearTimeout(this.#timer);
  }

  /** It was not, or it was: then there is nothing to wait for. */
  resumeWait(): void {
    if (this.#endsAt !== undefined)
      this.#timer = setTimeout(() => this.#onTimeout(), Math.max(0, this.#endsAt - performance.now()));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#answer();
    this.#carrier.remove(this);
  }

  /** Takes what of an update it asked for. @throws UpdateRefused, and counts nothing then: see `reject` */
  async take(update: Update): Promise<void> {
    const own = this.#ownOf(update);
    if (own === undefined || this.#stopped) return;
    const startedMs = performance.now();
    const { stats } = this.#options;
    // As Envoy counts: one that is refused here counts twice where only changes come.
    if (own.removed !== undefined) stats.updateAttempt.increment();
    await this.#options.consumer.accept(own);
    if (own.removed === undefined) stats.updateAttempt.increment();
    stats.succeeded(update.version, performance.now() - startedMs);
    const isThere = own.removed === undefined || own.resources.length > 0;
    if (isThere || !this.interest.waitsThroughRemoval) this.#answer();
  }

  /** An update was refused, by this one or another one that it was for. */
  reject(): void {
    const { stats } = this.#options;
    stats.updateAttempt.increment();
    stats.rejected();
    this.#answer();
  }

  /** The stream ended. */
  disconnect(): void {
    const { stats } = this.#options;
    stats.updateAttempt.increment();
    stats.updateFailure.increment();
  }

  #onTimeout(): void {
    const { stats } = this.#options;
    stats.initFetchTimeout.increment();
    stats.updateAttempt.increment();
    this.#answer();
  }

  #answer(): void {
    clearTimeout(this.#timer);
    this.#endsAt = undefined;
    this.#answered.resolve();
  }

  /** Undefined where nothing of it concerns this one: what it asked for, and is not there, stays as it is. */
  #ownOf(update: Update): Update | undefined {
    const { names, within, onDemand } = this.interest;
    if (names === undefined && within === undefined && onDemand === undefined) return update;
    const has = (name: string): boolean => {
      if (within !== undefined) return name.startsWith(`${within}/`);
      return names?.includes(name) ?? this.#demanded.has(name);
    };
    const isOwn = ({ name }: LoadedResource | RefusedResource): boolean => has(name);
    const own: Update = {
      version: update.version,
      resources: update.resources.filter(isOwn),
      refused: update.refused.filter(isOwn),
      ...(update.removed && { removed: update.removed.filter(has) }),
      ...(update.answered && { answered: update.answered.filter(has) }),
    };
    const { resources, refused, removed = [], answered = [] } = own;
    const count = resources.length + refused.length + removed.length + answered.length;
    return count > 0 ? own : undefined;
  }
}

/** What a control plane is told of an error. A mistake of the proxy's own is told by its name alone. */
export function refusalOf(error: unknown): string {
  if (error instanceof UpdateRefused) return error.message;
  return error instanceof Error ? error.message : String(error);
}

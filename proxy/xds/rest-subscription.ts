/** Resources that a control plane is asked for again and again, by plain HTTP. */
import { ConfigurationError } from '../configuration/errors.ts';
import type { JsonObject } from '../configuration/json.ts';
import type { Log } from '../log.ts';
import {
  type Consumer,
  type Interest,
  type Subscription,
  type SubscriptionStats,
  UpdateRefused,
} from './subscription.ts';
import { type RestAnswer, type RestTransport, restPathOf } from './transport.ts';
import type { UpdateLoader } from './update-loader.ts';

export interface RestSource {
  transport: RestTransport;
  /** From an answer to the next request, and at random up to as long again. */
  refreshDelayMs: number;
  /** How long an answer may take. */
  requestTimeoutMs: number;
  /** How long a first answer is waited for; 0: for ever. */
  initialFetchTimeoutMs: number;
  /** A Node in JSON. */
  node: JsonObject;
}

export interface RestSubscriptionOptions {
  interest: Interest;
  consumer: Consumer;
  stats: SubscriptionStats;
  loader: UpdateLoader;
  log: Log;
  /** Answers from 0 up to 1; undefined: at random. */
  random?: () => number;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rest-json-polling-subscriptions */
export class RestSubscription implements Subscription {
  readonly #source: RestSource;
  readonly #options: RestSubscriptionOptions;
  readonly #path: string;
  readonly #random: () => number;
  readonly #answered = Promise.withResolvers<void>();
  #version = '';
  #cancel = (): void => {};
  #refresh: NodeJS.Timeout | undefined;
  #initialFetch: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(source: RestSource, options: RestSubscriptionOptions) {
    this.#source = source;
    this.#options = options;
    this.#path = restPathOf(options.interest.typeName);
    this.#random = options.random ?? Math.random;
  }

  start(): Promise<void> {
    const { initialFetchTimeoutMs } = this.#source;
    if (initialFetchTimeoutMs > 0)
      this.#initialFetch = setTimeout(() => this.#onInitialFetchTimeout(), initialFetchTimeoutMs);
    this.#ask();
    return this.#answered.promise;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#refresh);
    this.#cancel();
    this.#answer();
  }

  #ask(): void {
    this.#options.stats.updateAttempt.increment();
    const { transport, requestTimeoutMs } = this.#source;
    this.#cancel = transport.post(this.#path, this.#request(), requestTimeoutMs, answer => void this.#heard(answer));
  }

  #request(): string {
    const { typeName, names = [] } = this.#options.interest;
    return JSON.stringify({
      ...(this.#version !== '' && { version_info: this.#version }),
      node: this.#source.node,
      ...(names.length > 0 && { resource_names: names }),
      type_url: `type.googleapis.com/${typeName}`,
    });
  }

  async #heard(answer: RestAnswer | undefined): Promise<void> {
    if (this.#stopped) return;
    if (answer?.status === 200) await this.#take(answer.body);
    else if (answer?.status !== 304) this.#failed();
    if (this.#stopped) return;
    const { refreshDelayMs } = this.#source;
    this.#refresh = setTimeout(() => this.#ask(), refreshDelayMs + Math.floor(this.#random() * refreshDelayMs));
  }

  async #take(text: string): Promise<void> {
    const { stats, loader, interest, consumer } = this.#options;
    // It came: how long it takes to be read is not the control plane's.
    clearTimeout(this.#initialFetch);
    try {
      const update = await loader.load(interest, { text });
      if (this.#stopped) return;
      const startedMs = performance.now();
      await consumer.accept(update);
      this.#version = update.version;
      stats.succeeded(update.version, performance.now() - startedMs);
    } catch (error) {
      if (this.#stopped) return;
      stats.rejected();
      this.#warn(`REST config for ${this.#path} rejected: ${reasonOf(error)}`);
    }
    this.#answer();
  }

  #failed(): void {
    this.#options.stats.updateFailure.increment();
    this.#warn(`REST update for ${this.#path} failed`);
  }

  #onInitialFetchTimeout(): void {
    this.#options.stats.initFetchTimeout.increment();
    this.#warn(`REST config: initial fetch timeout for ${this.#path}`);
    this.#answer();
  }

  #answer(): void {
    clearTimeout(this.#initialFetch);
    this.#answered.resolve();
  }

  #warn(text: string): void {
    this.#options.log.warning('config', text);
  }
}

/** What is neither is a mistake of the proxy's own: it goes on as it was, and tells where. */
function reasonOf(error: unknown): string {
  if (error instanceof UpdateRefused || error instanceof ConfigurationError) return error.message;
  return (error as Error).stack ?? String(error);
}

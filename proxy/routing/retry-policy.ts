/** When a try may be repeated: Envoy's RetryPolicy, parsed once. */
import type { RetryPolicy as Configuration } from '../api/envoy/config/route/v3/route_components_pb.js';
import { milliseconds } from '../duration.ts';
import type { ResetReason } from '../http/codec.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { AskedBackOff } from './asked-back-off.ts';
import { type HeaderTest, headerTest } from './string-match.ts';

const conditions = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'envoy-ratelimited',
  'retriable-4xx',
  'retriable-status-codes',
  'retriable-headers',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;
export type RetryCondition = (typeof conditions)[number];

const grpcConditions = new Map<string, RetryCondition>([
  ['1', 'cancelled'],
  ['4', 'deadline-exceeded'],
  ['8', 'resource-exhausted'],
  ['13', 'internal'],
  ['14', 'unavailable'],
]);

const connectFailures: readonly ResetReason[] = [
  'connection-failure',
  'local-connection-failure',
  'connection-timeout',
];

type Settings = Pick<
  Configuration,
  | 'retryOn'
  | 'numRetries'
  | 'perTryTimeout'
  | 'retryBackOff'
  | 'rateLimitedRetryBackOff'
  | 'retryHostPredicate'
  | 'hostSelectionRetryMaxAttempts'
  | 'retriableStatusCodes'
  | 'retriableHeaders'
  | 'retriableRequestHeaders'
>;

/** Where a route says nothing. */
const noSettings: Settings = {
  retryOn: '',
  retryHostPredicate: [],
  hostSelectionRetryMaxAttempts: 0n,
  retriableStatusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
};

/** What a request itself asks for, on top of its route. */
export interface RetryWishes {
  /** Conditions, separated by commas; '' for none. */
  on: string;
  /** Undefined: as the route says. */
  retries: number | undefined;
  perTryTimeoutMs: number | undefined;
  statusCodes: readonly number[];
  /** Of responses that are to be retried. */
  headerNames: readonly string[];
}

export class RetryPolicy {
  readonly on: ReadonlySet<RetryCondition>;
  readonly retries: number;
  perTryTimeoutMs: number;
  readonly baseIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly hostSelectionAttempts: number;
  readonly #asked: AskedBackOff | undefined;
  readonly #statusCodes: ReadonlySet<number>;
  readonly #headers: readonly HeaderTest[];
  readonly #requestHeaders: readonly HeaderTest[];
  /** Headers of responses that are to be retried, by their names alone. */
  #headerNames: readonly string[] = [];
  readonly #settings: Settings;

  constructor(configuration: Settings) {
    this.#settings = configuration;
    const words = configuration.retryOn.split(',').map(word => word.trim());
    this.on = new Set(conditions.filter(condition => words.includes(condition)));
    this.retries = configuration.numRetries ?? 1;
    this.perTryTimeoutMs = milliseconds(configuration.perTryTimeout, 0);
    this.baseIntervalMs = milliseconds(configuration.retryBackOff?.baseInterval, 25);
    this.maxIntervalMs = milliseconds(configuration.retryBackOff?.maxInterval, this.baseIntervalMs * 10);
    const asked = configuration.rateLimitedRetryBackOff;
    this.#asked = asked && new AskedBackOff(asked);
    // The one predicate that the registry of types knows.
    const previousHosts = configuration.retryHostPredicate.length > 0;
    this.hostSelectionAttempts = previousHosts ? Math.max(1, Number(configuration.hostSelectionRetryMaxAttempts)) : 0;
    this.#statusCodes = new Set(configuration.retriableStatusCodes);
    this.#headers = configuration.retriableHeaders.map(headerTest);
    this.#requestHeaders = configuration.retriableRequestHeaders.map(headerTest);
  }

  /** A route's policy with what a request wishes; nothing of either is taken away. */
  static withWishes(policy: RetryPolicy | undefined, wishes: RetryWishes): RetryPolicy {
    const settings = policy === undefined ? noSettings : policy.#settings;
    const { retries, perTryTimeoutMs } = wishes;
    const merged = new RetryPolicy({
      ...settings,
      retryOn: `${settings.retryOn},${wishes.on}`,
      ...(retries !== undefined && { numRetries: retries }),
      retriableStatusCodes: [...settings.retriableStatusCodes, ...wishes.statusCodes],
    });
    if (perTryTimeoutMs !== undefined) merged.perTryTimeoutMs = perTryTimeoutMs;
    merged.#headerNames = wishes.headerNames;
    return merged;
  }

  /** Whether requests with this head are ever retried. */
  appliesTo(head: RequestHeaders): boolean {
    if (this.on.size === 0) return false;
    return this.#requestHeaders.length === 0 || this.#requestHeaders.some(test => test(head));
  }

  retriesResponse(head: ResponseHeaders): boolean {
    const { on } = this;
    if (head.has('x-envoy-ratelimited')) return on.has('envoy-ratelimited');
    const { status } = head;
    if (on.has('5xx') && status >= 500 && status < 600) return true;
    if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
    if (on.has('retriable-4xx') && status === 409) return true;
    if (on.has('retriable-status-codes') && this.#statusCodes.has(status)) return true;
    if (on.has('retriable-headers') && this.#headers.some(test => test(head))) return true;
    if (on.has('retriable-headers') && this.#headerNames.some(name => head.has(name))) return true;
    const grpc = grpcConditions.get(head.get('grpc-status') ?? '');
    return grpc !== undefined && on.has(grpc);
  }

  /** `sent`: whether any of the request had gone out. */
  retriesReset(reason: ResetReason, sent: boolean): boolean {
    const { on } = this;
    if (reason === 'overflow' || reason === 'no-healthy-host' || reason === 'timeout') return false;
    if (on.has('5xx') || on.has('gateway-error') || on.has('reset')) return true;
    if (on.has('reset-before-request') && !sent) return true;
    if (on.has('refused-stream') && reason === 'refused-stream') return true;
    return on.has('connect-failure') && connectFailures.includes(reason);
  }

  /** How long to wait before the retry numbered from 1: anything up to (2^n − 1) times the base, with the same chance. */
  backOffMs(retry: number): number {
    const window = Math.min(this.maxIntervalMs, (2 ** Math.min(retry, 30) - 1) * this.baseIntervalMs);
    return Math.floor(Math.random() * window);
  }

  /** The same where the response says when to come again; undefined where it does not. */
  askedBackOffMs(head: ResponseHeaders): number | undefined {
    return this.#asked?.backOffMs(head);
  }
}

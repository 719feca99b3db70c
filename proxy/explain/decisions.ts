/** Notes what decides one request while it passes. Made only for requests that are to be explained. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { ResetReason } from '../http/codec.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { RouteSource } from '../routing/route-source.ts';
import type { RouteLocation } from '../routing/route-table.ts';
import { type Attempt, formatFlags, type StreamInfo } from '../stream-info.ts';
import type { Decision } from './decision.ts';
import { endReasons } from './end-reasons.ts';
import type { ExplainedChain } from './explained-chain.ts';
import { balancerReason, counted, policyOf, roughly, thresholdsOf, tryReason } from './host-reasons.ts';
import { routeReasons, type WrittenRoute, writtenRoute } from './route-reasons.ts';
import type { WrittenPart } from './written-part.ts';

/** What a filter is known by. */
interface FilterName {
  name: string;
  /** In the chain as it is written. */
  index: number;
}

/** A field of the breakers' thresholds. */
export type Breaker = 'max_connections' | 'max_pending_requests' | 'max_requests';

/** How a try ended: the status of its response, or why there was none. */
export type TryEnd = number | ResetReason;

export class Decisions {
  readonly #chain: ExplainedChain;
  readonly #list: Decision[];
  /** Those of tries: what became of them is known at the end only. */
  readonly #tries: Decision[] = [];
  #written: WrittenRoute | undefined;
  #entry: RouteEntry | undefined;
  #cluster: WrittenPart | undefined;

  /** @param address where the connection came in */
  constructor(chain: ExplainedChain, address: string) {
    this.#chain = chain;
    this.#list = chain.reasons(address);
  }

  /** The route was looked for; the last time counts. */
  routed(routes: RouteSource, found: RouteLocation, head: RequestHeaders, entry: RouteEntry | undefined): void {
    const written = writtenRoute(this.#chain.table(routes.written(head)), found, entry);
    this.#written = written;
    this.#entry = entry;
    const clusterName = entry?.cluster?.clusterName;
    this.#cluster = clusterName === undefined ? undefined : this.#chain.explain.cluster(clusterName);
    this.#list.push(...routeReasons(written, found, head.authority, entry));
  }

  /** A filter answered in the upstream's stead. */
  answered({ name, index }: FilterName, details: string): void {
    const { share, route, host, table } = this.#written ?? {};
    const own = this.#chain.filter(name, index);
    const levels = [share, route, host, table].map(level => level?.at('typed_per_filter_config', name));
    const told = levels.find(level => level !== undefined);
    const part = (own && policyOf(own, details)) ?? told ?? own;
    this.#note('filter', name, `answered the request itself: ${details}`, part);
  }

  /** A host was chosen for a try. */
  chose(cluster: Cluster, host: Host): void {
    const part = this.#cluster;
    if (this.#tries.length === 0) this.#list.push(balancerReason(part, cluster, host));
    const made = tryReason(this.#chain.explain, part, cluster, host, this.#tries.length + 1);
    this.#tries.push(made);
    this.#list.push(made);
  }

  /** A breaker refused a try. */
  overflowed(breaker: Breaker, maximum: number): void {
    const written = this.#thresholds?.at(breaker);
    const why = `refused the try: no more than ${maximum} at a time${written === undefined ? ' (the default)' : ''}`;
    this.#note('circuit breaker', breaker, why, written ?? this.#thresholds ?? this.#cluster);
  }

  /** A try took too long. */
  tryTimedOut(): void {
    const field = this.#retryPolicy?.at('per_try_timeout');
    const why = `the try had no response within ${field?.value ?? 'what the request allowed'}`;
    this.#note('timeout', 'per_try_timeout', why, field);
  }

  /** @param retry counts from 1 */
  retried(retry: number, end: TryEnd): void {
    if (end === 'connection-timeout') this.#noteConnectTimeout();
    const on = this.#retryPolicy?.at('retry_on');
    const words = on === undefined ? 'the request itself asked for that' : `retry_on has "${String(on.value)}"`;
    this.#note('retry', String(retry), `${endWords(end)}: ${words}`, on);
  }

  /** Another try would not help, as the policy has it. */
  notRetried(end: TryEnd): void {
    if (typeof end === 'number' && end < 400) return;
    const on = this.#retryPolicy?.at('retry_on');
    this.#note('retry', 'none', `${endWords(end)}: not what retry_on asks for`, on);
  }

  /** As many retries were made as are allowed. */
  retriesSpent(end: TryEnd, retries: number): void {
    const written = this.#retryPolicy?.at('num_retries');
    const why = `${endWords(end)}, and ${counted(retries, 'retry', 'retries')} ${retries === 1 ? 'was' : 'were'} made${written === undefined ? ' (the default)' : ''}`;
    this.#note('retry', 'no more', why, written ?? this.#retryPolicy);
  }

  /** The breaker for retries refused one. */
  retryOverflowed(): void {
    const budget = this.#thresholds?.at('retry_budget');
    const written = budget ?? this.#thresholds?.at('max_retries');
    const name = budget === undefined ? 'max_retries' : 'retry_budget';
    const why = `refused the retry: too many are under way${written === undefined ? ' (the default: 3)' : ''}`;
    this.#note('circuit breaker', name, why, written ?? this.#thresholds ?? this.#cluster);
  }

  /** The request is over: all that is known of it is kept. */
  finish(info: StreamInfo): void {
    for (const [index, decision] of this.#tries.entries()) {
      const attempt = info.attempts[index];
      if (attempt !== undefined) decision.why += `; ${attemptWords(attempt)}`;
    }
    const [cluster, manager, retryPolicy] = [this.#cluster, this.#chain.terminal, this.#retryPolicy];
    this.#list.push(...endReasons(info, { written: this.#written, entry: this.#entry, cluster, manager, retryPolicy }));
    this.#chain.explain.keep(info, [...this.#list]);
  }

  #noteConnectTimeout(): void {
    const written = this.#cluster?.at('connect_timeout');
    const why = `no connection to the host within ${written?.value ?? '5s (the default)'}`;
    this.#note('timeout', 'connect_timeout', why, written ?? this.#cluster);
  }

  #note(by: Decision['by'], name: string, why: string, part: WrittenPart | undefined): Decision {
    const decision = { by, name, why, origin: part?.origin };
    this.#list.push(decision);
    return decision;
  }

  /** The route's own, or else its virtual host's. */
  get #retryPolicy(): WrittenPart | undefined {
    return this.#written?.route?.at('route', 'retry_policy') ?? this.#written?.host?.at('retry_policy');
  }

  /** The breakers of the priority that the route gives the request. */
  get #thresholds(): WrittenPart | undefined {
    const wanted = this.#entry?.cluster?.priority === 'high' ? 'HIGH' : 'DEFAULT';
    return thresholdsOf(this.#cluster, wanted);
  }
}

function endWords(end: TryEnd): string {
  return typeof end === 'number' ? `the host answered ${end}` : `the try ended with ${end.replaceAll('-', ' ')}`;
}

function attemptWords({ status, flags, durationMs }: Attempt): string {
  const took = durationMs < 0 ? '' : ` after ${roughly(durationMs)}`;
  if (status !== 0) return `it answered ${status}${took}`;
  return flags === 0 ? `it had not answered${took}` : `no answer: ${formatFlags(flags, true)}${took}`;
}

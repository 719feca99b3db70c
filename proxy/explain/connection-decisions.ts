/** Notes what decides one connection that carries bytes. Made only for connections that are to be explained. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import { formatFlags, type StreamInfo } from '../stream-info.ts';
import type { Decision } from './decision.ts';
import type { ExplainedChain } from './explained-chain.ts';
import { balancerReason, counted, policyOf, roughly, thresholdsOf, tryReason } from './host-reasons.ts';
import type { WrittenPart } from './written-part.ts';

/** What ended a connection. */
export type ConnectionEnd = 'client' | 'host' | 'idle' | 'max-duration' | 'no-host' | 'drain';

export class ConnectionDecisions {
  readonly #chain: ExplainedChain;
  readonly #list: Decision[] = [];
  #cluster: WrittenPart | undefined;
  #try: { decision: Decision; startMs: number } | undefined;
  #tries = 0;
  readonly #proxy: WrittenPart | undefined;

  constructor(chain: ExplainedChain) {
    this.#chain = chain;
    this.#proxy = chain.terminal;
  }

  /** @param index among the weighted ones; undefined: there is but one */
  cluster(name: string, index: number | undefined): void {
    this.#cluster = this.#chain.explain.cluster(name);
    if (index === undefined) {
      this.#note('cluster', name, 'the proxy of TCP names it', this.#proxy?.at('cluster'));
      return;
    }
    const shares = this.#proxy?.items('weighted_clusters', 'clusters') ?? [];
    const total = shares.reduce((sum, share) => sum + Number(share.text('weight')), 0);
    const why = `its share is ${shares[index]?.text('weight')} of ${total}`;
    this.#note('cluster', name, why, shares[index]);
  }

  /** A filter before the proxy chose it. */
  namedCluster(name: string): void {
    const isSniCluster = (filter: WrittenPart): boolean => filter.text('typed_config', '@type').endsWith('.SniCluster');
    this.#cluster = this.#chain.explain.cluster(name);
    this.#note('cluster', name, 'the client asked for it by SNI', this.#chain.filtersBefore.find(isSniCluster));
  }

  /** There is no cluster of that name. */
  noCluster(name: string): void {
    this.#note('cluster', name, 'there is no cluster of this name', undefined);
  }

  /** None of its hosts can take connections. */
  noHost(name: string): void {
    const part = this.#cluster?.at('load_assignment') ?? this.#cluster;
    this.#note('cluster', name, 'none of its hosts can take connections', part);
  }

  /** A breaker refused the connection. */
  overflowed(maximum: number): void {
    const thresholds = thresholdsOf(this.#cluster, 'DEFAULT');
    const written = thresholds?.at('max_connections');
    const why = `refused the connection: no more than ${maximum} at a time${written === undefined ? ' (the default)' : ''}`;
    this.#note('circuit breaker', 'max_connections', why, written ?? thresholds ?? this.#cluster);
  }

  /** A host was chosen. */
  chose(cluster: Cluster, host: Host): void {
    if (this.#tries === 0) this.#list.push(balancerReason(this.#cluster, cluster, host));
    this.#tries++;
    const decision = tryReason(this.#chain.explain, this.#cluster, cluster, host, this.#tries);
    this.#list.push(decision);
    this.#try = { decision, startMs: performance.now() };
  }

  connected(): void {
    this.#addToTry('connected');
  }

  /** @param reason in words */
  connectFailed(reason: string): void {
    this.#addToTry(`no connection: ${reason}`);
  }

  #addToTry(words: string): void {
    if (this.#try === undefined) return;
    const { decision, startMs } = this.#try;
    decision.why += `; ${words} after ${roughly(performance.now() - startMs)}`;
  }

  /** As many tries were made as are allowed. */
  triesSpent(maximum: number): void {
    const written = this.#proxy?.at('max_connect_attempts');
    const why = `${counted(maximum, 'try', 'tries')} ${maximum === 1 ? 'was' : 'were'} made${written === undefined ? ' (the default)' : ''}`;
    this.#note('retry', 'no more', why, written ?? this.#proxy);
  }

  /** The connection is over: all that is known of it is kept. */
  finish(info: StreamInfo, end: ConnectionEnd): void {
    const chain = this.#chain;
    if (info.stoppedByFilter === undefined) this.#noteEnd(end);
    const before = [...chain.reasons(info.downstreamDirectLocalAddress), ...filterReasons(chain, info)];
    chain.explain.keepConnection(info, [...before, ...this.#list]);
  }

  #noteEnd(end: ConnectionEnd): void {
    switch (end) {
      case 'client':
      case 'host':
        this.#note('end', end, `the ${end} was the first to end the connection`, undefined);
        break;
      case 'idle': {
        const written = this.#proxy?.at('idle_timeout');
        const why = `nothing moved for ${written?.value ?? '3600s (the default)'}`;
        this.#note('timeout', 'idle_timeout', why, written ?? this.#proxy);
        break;
      }
      case 'max-duration': {
        const written = this.#proxy?.at('max_downstream_connection_duration');
        const why = `the connection took longer than ${written?.value}`;
        this.#note('timeout', 'max_downstream_connection_duration', why, written);
        break;
      }
      case 'drain':
        this.#note('end', 'listener', 'its listener, or this proxy, ended', undefined);
        break;
      default:
    }
  }

  #note(by: Decision['by'], name: string, why: string, part: WrittenPart | undefined): void {
    this.#list.push({ by, name, why, origin: part?.origin });
  }
}

/** What the filters before the last one did. */
function filterReasons(chain: ExplainedChain, info: StreamInfo): Decision[] {
  const stoppedBy = info.stoppedByFilter ?? Number.POSITIVE_INFINITY;
  return chain.filtersBefore.slice(0, stoppedBy + 1).map((filter, index) => {
    const name = filter.text('name');
    if (index < stoppedBy) return { by: 'filter', name, why: 'let the connection pass', origin: filter.origin };
    const details = info.connectionTerminationDetails || formatFlags(info.flags);
    const why = `closed the connection${details === '-' ? '' : `: ${details}`}`;
    return { by: 'filter', name, why, origin: (policyOf(filter, details) ?? filter).origin };
  });
}

/** A connection that the last filter of its chain never got. @param reason of a handshake that failed; '' where a filter stopped it */
export function explainRefused(chain: ExplainedChain, info: StreamInfo, reason: string): void {
  const decisions = [...chain.reasons(info.downstreamDirectLocalAddress), ...filterReasons(chain, info)];
  if (info.stoppedByFilter === undefined) {
    const why = `the handshake failed${reason === '' ? ': the client left' : `: ${reason}`}`;
    decisions.push({ by: 'end', name: 'TLS', why, origin: chain.transportSocket?.origin });
  }
  chain.explain.keepConnection(info, decisions);
}

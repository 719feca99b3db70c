/** A listener: accepts connections and hands each to the filter chain that it matches. */
import type { Socket } from 'node:net';
import { Listener_DrainType } from '../api/enums.js';
import type { AccessLog } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { FilterChain as ChainConfiguration } from '../api/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { Explain } from '../explain/explain.ts';
import type { WrittenPart } from '../explain/written-part.ts';
import { splitAddress } from '../net/address-range.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { comesByTheSame } from '../net/pipe.ts';
import { defaultHighMark, localAddressOf, remoteAddressOf } from '../net/transport.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import { statedMetadata } from '../stated-metadata.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsScope, StatsStore } from '../stats/store.ts';
import type { StreamInfo, StreamObserver } from '../stream-info.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import type { TlsContext } from '../tls/tls-context.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { Tracers } from '../tracing/tracers.ts';
import type { Crew } from '../workers/crew.ts';
import { chainFinder } from './chain-finder.ts';
import { ConnectionLog } from './connection-log.ts';
import { type ConnectionQuota, type GlobalQuota, listenerQuota } from './connection-quota.ts';
import type { DrainSettings } from './drain.ts';
import { type ChainContext, compileFilterChain, type FilterChain } from './filter-chain.ts';
import type { ChainFinder, MatchInput } from './filter-chain-match.ts';
import { type ListenAddress, listenAddresses, listenText } from './listen-address.ts';
import type { ConnectionTaker } from './listen-socket.ts';
import type { Findings } from './listener-filter.ts';
import { ListenerFilters } from './listener-filters.ts';
import { type ConnectionFacts, noFacts, type TerminalFilter } from './network-filter.ts';
import { PendingConnections } from './pending-connections.ts';

const silentCounters = `downstream_cx_overload_reject downstream_listener_filter_error
extension_config_missing network_extension_config_missing`;

export interface ListenerContext extends RouteSourceContext {
  store: StatsStore;
  nodeCluster: string;
  nodeId: string;
  nodeZone: string;
  tracers: Tracers;
  /** Makes what writes the access log of a connection manager. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  observers: readonly StreamObserver[];
  /** Undefined: no request is explained. */
  explain?: Explain | undefined;
  secrets: SecretManager;
  /** What the admin interface says of this proxy's health. */
  healthcheck: { readonly failed: boolean };
  /** How many connections all listeners together may have. */
  allConnections: GlobalQuota;
  /** Undefined where one worker serves. */
  crew?: Crew | undefined;
}

export interface ListenerOptions {
  /** The text of each chain's configuration, by its place; undefined: none is shared. */
  chainTexts?: readonly string[];
  /** Another listener, whose chains of the same text are shared: their connections go on. */
  sharedWith?: Listener | undefined;
  /** Who takes connections that were meant for an address, `ip:port`; undefined: nobody else. */
  listenerAt?: (address: string) => Listener | undefined;
  /** Its configuration as it is written; undefined: no request is explained. */
  written?: WrittenPart | undefined;
}

export class Listener implements ConnectionTaker {
  readonly name: string;
  readonly binds: readonly [ListenAddress, ...ListenAddress[]];
  /** Of its statistics. */
  readonly scope: StatsScope;
  /** How many connections may wait to be accepted. */
  readonly backlog: number;
  readonly #chains: readonly FilterChain[];
  readonly #default: FilterChain | undefined;
  /** Those that it did not find ready. */
  readonly #own: readonly FilterChain[];
  #prepared: Promise<void> | undefined;
  /** Undefined where nobody looks into connections before a chain is chosen. */
  readonly #listenerFilters: ListenerFilters | undefined;
  readonly #pending: PendingConnections;
  /** Undefined where one chain takes every connection. */
  readonly #findChain: ChainFinder | undefined;
  readonly #highMark: number;
  /** Connections go to the listener that they were meant for. */
  readonly #handsOver: boolean;
  readonly #listenerAt: (address: string) => Listener | undefined;
  /** Undefined: nobody logs connections. */
  readonly #log: ConnectionLog | undefined;
  readonly #quota: ConnectionQuota;
  /** Undefined: what others have does not count here. */
  readonly #allConnections: ConnectionQuota | undefined;
  readonly #overflow: Counter;
  readonly #globalOverflow: Counter;
  readonly #cxTotal: Counter;
  readonly #cxActive: Gauge;
  readonly #cxDestroy: Counter;
  readonly #cxLengthMs: Histogram;
  readonly #noChainMatch: Counter;
  readonly #workerTotal: Counter;
  readonly #workerActive: Gauge;

  constructor(
    configuration: Configuration,
    context: ListenerContext,
    { chainTexts, sharedWith, written, listenerAt = () => undefined }: ListenerOptions = {},
  ) {
    this.binds = listenAddresses(configuration);
    this.backlog = configuration.tcpBacklogSize ?? 4096;
    const address = listenText(this.binds[0]);
    this.name = configuration.name || address;
    const scope = context.store.scope(`listener.${configuration.statPrefix || address.replaceAll(':', '_')}.`);
    this.scope = scope;
    for (const name of silentCounters.split(/\s+/)) scope.counter(name);
    this.#pending = new PendingConnections(scope);
    this.#listenerFilters = ListenerFilters.of(configuration, context.store);
    this.#handsOver = configuration.useOriginalDst ?? false;
    this.#listenerAt = listenerAt;
    this.#noChainMatch = scope.counter('no_filter_chain_match');
    // Connections of chains that go on end where they are counted.
    this.#quota =
      sharedWith === undefined ? listenerQuota(this.name, context.runtime, context.shared) : sharedWith.#quota;
    this.#allConnections = globalQuotaOf(configuration, context.allConnections);
    this.#overflow = scope.counter('downstream_cx_overflow');
    this.#globalOverflow = scope.counter('downstream_global_cx_overflow');
    this.#cxTotal = scope.counter('downstream_cx_total');
    this.#cxActive = scope.gauge('downstream_cx_active');
    this.#cxDestroy = scope.counter('downstream_cx_destroy');
    this.#cxLengthMs = scope.histogram('downstream_cx_length_ms');
    scope.histogram('connections_accepted_per_socket_event');
    const worker = scope.scope(`worker_${context.crew?.index ?? 0}.`);
    this.#workerTotal = worker.counter('downstream_cx_total');
    this.#workerActive = worker.gauge('downstream_cx_active');
    const listenerMetadata = statedMetadata(configuration.metadata);
    const observer = context.accessLog(configuration.accessLog);
    this.#log = observer && new ConnectionLog(observer, this.name, listenerMetadata);
    this.#highMark = configuration.perConnectionBufferLimitBytes ?? defaultHighMark;
    const chainContext: ChainContext = {
      listener: context,
      listenerName: this.name,
      listenerScope: scope,
      bufferLimit: this.#highMark,
      trafficDirection: configuration.trafficDirection,
      listenerMetadata,
      drainsWhenIll: configuration.drainType !== Listener_DrainType.MODIFY_ONLY,
      onConnectionClosed: (...closed) => this.#onConnectionClosed(...closed),
      written,
    };
    const chains = configuration.filterChains;
    const known = new Map(sharedWith?.allChains.map(chain => [chain.text, chain]));
    const compile = (chain: ChainConfiguration, text = '', part?: WrittenPart) =>
      (text === '' ? undefined : known.get(text)) ?? compileFilterChain(chain, text, chainContext, part);
    this.#chains = chains.map((chain, index) =>
      compile(chain, chainTexts?.[index], written?.at('filter_chains', index)),
    );
    const fallback = configuration.defaultFilterChain;
    this.#default = fallback && compile(fallback, chainTexts?.[chains.length], written?.at('default_filter_chain'));
    this.#own = this.chainsWithout(sharedWith);
    const takesAll =
      chains.length === 1 &&
      chains[0]!.filterChainMatch === undefined &&
      configuration.filterChainMatcher === undefined;
    this.#findChain = takesAll ? undefined : chainFinder(configuration);
  }

  get allChains(): readonly FilterChain[] {
    return this.#default === undefined ? this.#chains : [...this.#chains, this.#default];
  }

  get #filters(): readonly TerminalFilter[] {
    return this.allChains.map(({ filter }) => filter);
  }

  /** Of each chain that encrypts. */
  get tlsContexts(): readonly TlsContext[] {
    return this.allChains.flatMap(({ tls }) => tls?.source.current ?? []);
  }

  /** Ends when connections may come: the routes are there. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepare();
    return this.#prepared;
  }

  async #prepare(): Promise<void> {
    await Promise.all(this.#own.flatMap(({ tls, filter }) => [tls?.source.start(), filter.prepare()]));
  }

  /** Routes that did not stand in its own configuration. */
  get cameRoutes(): readonly CameRoutes[] {
    return this.#filters.flatMap(filter => filter.cameRoutes ?? []);
  }

  accept(socket: Socket): void {
    if (this.#allConnections?.tryTake() === false) {
      this.#globalOverflow.increment();
      socket.destroy();
      return;
    }
    if (!this.#quota.tryTake()) {
      this.#allConnections?.give();
      this.#overflow.increment();
      socket.destroy();
      return;
    }
    this.#inspect(socket, undefined, this.#handsOver);
  }

  /** Takes a connection that came to another listener; what is known of it stays so. */
  takeOver(socket: Socket, findings: Findings): void {
    this.#allConnections?.take();
    this.#quota.take();
    this.#inspect(socket, findings, false);
  }

  #inspect(socket: Socket, known: Findings | undefined, mayHandOver: boolean): void {
    const filters = this.#listenerFilters;
    if (filters === undefined) {
      this.#take(socket, known);
      return;
    }
    const told = this.#log?.begin(socket);
    const findings: Findings = { ...known, told };
    this.#pending.inspect(socket, filters, findings, goesOn => {
      const { localAddress: meant } = findings;
      const other = goesOn && mayHandOver && meant !== undefined ? this.#listenerAt(meant) : undefined;
      if (goesOn && other === undefined) {
        this.#take(socket, findings);
        return;
      }
      this.#give();
      if (other !== undefined) other.takeOver(socket, { ...findings, told: undefined });
      else if (told !== undefined) this.#log!.endUnserved(told, findings);
    });
  }

  /** There is a connection less. */
  #give(): void {
    this.#allConnections?.give();
    this.#quota.give();
  }

  /** @param findings undefined where nobody has looked at it */
  #take(socket: Socket, findings: Findings | undefined): void {
    const chain = this.#findChain === undefined ? this.#chains[0]! : this.#chainFor(socket, findings, this.#findChain);
    const told = this.#log && (findings?.told ?? this.#log.begin(socket));
    if (chain === undefined) {
      this.#noChainMatch.increment();
      this.#give();
      if (told !== undefined) this.#log!.endUnmatched(told, findings);
      socket.destroy();
      return;
    }
    if (told !== undefined) this.#log!.chosen(told, findings, chain.facts);
    this.#cxTotal.increment();
    this.#cxActive.increment();
    this.#workerTotal.increment();
    this.#workerActive.increment();
    const { filter, tls, handshakeTimeoutMs } = chain;
    const facts = told === undefined ? factsOf(findings) : { ...factsOf(findings), connection: told };
    if (tls !== undefined) {
      const securing = { tls, timeoutMs: handshakeTimeoutMs, hello: findings?.hello };
      this.#pending.secure(socket, securing, {
        onSecured: (secured, shown) => {
          if (told !== undefined) noteHandshake(told, shown);
          comesByTheSame(secured, socket);
          filter.accept(openSocketTransport(secured, this.#highMark), { ...facts, tls: shown });
        },
        onFailed: failed => {
          if (told !== undefined) told.downstreamTransportFailureReason = failed.reason;
          filter.refused({ ...failed, connection: told });
        },
      });
    } else if (!findings?.read) filter.accept(openTransport(socket, this.#highMark), facts);
    else filter.accept(openSocketTransport(socket, this.#highMark), facts);
  }

  #chainFor(socket: Socket, findings: Findings | undefined, find: ChainFinder): FilterChain | undefined {
    const index = find(matchInput(socket, findings));
    return index === undefined ? this.#default : this.#chains[index];
  }

  #onConnectionClosed(lengthMs: number, connection: StreamInfo | undefined): void {
    if (connection !== undefined) this.#log?.end(connection);
    this.#give();
    this.#cxActive.decrement();
    this.#workerActive.decrement();
    this.#cxDestroy.increment();
    this.#cxLengthMs.record(Math.round(lengthMs));
  }

  /** Its connections, but for those of the chains that another listener shares, are told to go within some time. */
  beginDrain(settings: DrainSettings, sharedWith: Listener | undefined): void {
    for (const { drain } of this.chainsWithout(sharedWith)) drain.begin(settings);
  }

  /** Connections end after the request that is under way. */
  drain(): void {
    for (const filter of this.#filters) filter.drain();
  }

  /** Resolves when there is no connection. */
  async empty(): Promise<void> {
    await Promise.all(this.#filters.map(filter => filter.empty()));
  }

  /** Closes what is left, but for the chains that another listener shares. */
  destroy(sharedWith?: Listener): void {
    this.#pending.destroy();
    for (const { tls, filter } of this.chainsWithout(sharedWith)) {
      tls?.source.stop();
      filter.destroy();
    }
  }

  chainsWithout(sharedWith: Listener | undefined): readonly FilterChain[] {
    const shared = new Set(sharedWith?.allChains);
    return this.allChains.filter(chain => !shared.has(chain));
  }
}

/** Undefined: what others have does not count for this one. */
function globalQuotaOf(
  { ignoreGlobalConnLimit, bypassOverloadManager }: Configuration,
  { quota, isMonitored }: GlobalQuota,
): ConnectionQuota | undefined {
  return ignoreGlobalConnLimit || (isMonitored && bypassOverloadManager) ? undefined : quota;
}

function noteHandshake(told: StreamInfo, shown: TlsFacts): void {
  told.tls = shown;
  told.connectionTimes!.securedMs = shown.securedMs;
}

function factsOf(findings: Findings | undefined): ConnectionFacts {
  if (findings === undefined) return noFacts;
  const { hello, ja3 = '', ja4 = '', remoteAddress, localAddress } = findings;
  return { serverName: hello?.serverName ?? '', ja3, ja4, tls: undefined, remoteAddress, localAddress };
}

function matchInput(socket: Socket, { hello, applicationProtocols, ...told }: Findings = {}): MatchInput {
  const source = splitAddress(told.remoteAddress ?? remoteAddressOf(socket));
  const destination = splitAddress(told.localAddress ?? localAddressOf(socket));
  return {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source.address,
    directSourceAddress: splitAddress(remoteAddressOf(socket)).address,
    sourcePort: source.port,
    serverName: hello?.serverName ?? '',
    transportProtocol: hello === undefined ? 'raw_buffer' : 'tls',
    applicationProtocols: hello?.applicationProtocols ?? applicationProtocols ?? [],
  };
}

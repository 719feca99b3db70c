/** A listener: accepts connections and hands each to the filter chain that it matches. */
import { createServer, type Server, type Socket } from 'node:net';
import type { DynamicResource, ListenerStatus } from '../admin-source.ts';
import type { AccessLog } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import { splitAddress } from '../net/address-range.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { defaultHighMark, formatAddress } from '../net/transport.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { StreamObserver } from '../stream-info.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import type { TlsContext } from '../tls/tls-context.ts';
import { type ChainContext, compileFilterChain, type FilterChain } from './filter-chain.ts';
import { type ChainFinder, compileChainMatches, type MatchInput } from './filter-chain-match.ts';
import type { Findings } from './listener-filter.ts';
import { ListenerFilters } from './listener-filters.ts';
import { type ConnectionFacts, noFacts, type TerminalFilter } from './network-filter.ts';
import { PendingConnections } from './pending-connections.ts';

const silentCounters = `downstream_cx_overflow downstream_cx_overload_reject
downstream_global_cx_overflow downstream_listener_filter_error
extension_config_missing network_extension_config_missing`;

export interface ListenerContext extends RouteSourceContext {
  store: StatsStore;
  nodeCluster: string;
  nodeId: string;
  /** Makes what writes the access log of a connection manager. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  observers: readonly StreamObserver[];
  secrets: SecretManager;
  /** What the admin interface says of this proxy's health. */
  healthcheck: { readonly failed: boolean };
}

export class Listener implements ListenerStatus {
  readonly name: string;
  address: string;
  readonly #configuration: Configuration;
  readonly #server: Server;
  readonly #chains: readonly FilterChain[];
  readonly #default: FilterChain | undefined;
  /** Undefined where nobody looks into connections before a chain is chosen. */
  readonly #listenerFilters: ListenerFilters | undefined;
  readonly #pending: PendingConnections;
  /** Undefined where one chain takes every connection. */
  readonly #findChain: ChainFinder | undefined;
  readonly #bind: { host: string; port: number };
  readonly #highMark: number;
  readonly #cxTotal: Counter;
  readonly #cxActive: Gauge;
  readonly #cxDestroy: Counter;
  readonly #cxLengthMs: Histogram;
  readonly #noChainMatch: Counter;
  readonly #workerTotal: Counter;
  readonly #workerActive: Gauge;

  constructor(configuration: Configuration, context: ListenerContext) {
    this.#configuration = configuration;
    this.#bind = bindAddress(configuration);
    this.address = formatAddress(this.#bind.host, this.#bind.port);
    this.name = configuration.name || this.address;
    const scope = context.store.scope(`listener.${configuration.statPrefix || this.address.replaceAll(':', '_')}.`);
    for (const name of silentCounters.split(/\s+/)) scope.counter(name);
    this.#pending = new PendingConnections(scope);
    this.#listenerFilters = ListenerFilters.of(configuration, context.store);
    this.#noChainMatch = scope.counter('no_filter_chain_match');
    this.#cxTotal = scope.counter('downstream_cx_total');
    this.#cxActive = scope.gauge('downstream_cx_active');
    this.#cxDestroy = scope.counter('downstream_cx_destroy');
    this.#cxLengthMs = scope.histogram('downstream_cx_length_ms');
    scope.histogram('connections_accepted_per_socket_event');
    this.#workerTotal = scope.counter('worker_0.downstream_cx_total');
    this.#workerActive = scope.gauge('worker_0.downstream_cx_active');
    this.#highMark = configuration.perConnectionBufferLimitBytes ?? defaultHighMark;
    const chainContext: ChainContext = {
      listener: context,
      listenerName: this.name,
      listenerScope: scope,
      bufferLimit: this.#highMark,
      onConnectionClosed: lengthMs => this.#onConnectionClosed(lengthMs),
    };
    const chains = configuration.filterChains;
    this.#chains = chains.map(chain => compileFilterChain(chain, chainContext));
    this.#default =
      configuration.defaultFilterChain && compileFilterChain(configuration.defaultFilterChain, chainContext);
    const takesAll = chains.length === 1 && chains[0]!.filterChainMatch === undefined;
    this.#findChain = takesAll ? undefined : compileChainMatches(chains.map(chain => chain.filterChainMatch));
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, socket =>
      this.#accept(socket),
    );
  }

  get #allChains(): readonly FilterChain[] {
    return this.#default === undefined ? this.#chains : [...this.#chains, this.#default];
  }

  get #filters(): readonly TerminalFilter[] {
    return this.#allChains.map(({ filter }) => filter);
  }

  /** Of each chain that encrypts. */
  get tlsContexts(): readonly TlsContext[] {
    return this.#allChains.flatMap(({ tls }) => tls?.source.current ?? []);
  }

  /** Ends when connections may come: the routes are there. */
  async prepare(): Promise<void> {
    const secrets = this.#allChains.map(({ tls }) => tls?.source.start());
    await Promise.all([...secrets, ...this.#filters.map(filter => filter.prepare())]);
  }

  /** Routes that did not stand in its own configuration. */
  get dynamicRoutes(): readonly DynamicResource[] {
    return this.#filters.flatMap(filter => filter.dynamicRoutes ?? []);
  }

  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const backlog = this.#configuration.tcpBacklogSize ?? 4096;
    this.#server.once('error', error => reject(new Error(`cannot bind '${this.address}': ${bindReason(error)}`)));
    this.#server.listen({ ...this.#bind, backlog, exclusive: true }, () => {
      const bound = this.#server.address();
      if (bound !== null && typeof bound === 'object') this.address = formatAddress(bound.address, bound.port);
      resolve();
    });
    return promise;
  }

  #accept(socket: Socket): void {
    const filters = this.#listenerFilters;
    if (filters === undefined) this.#take(socket, undefined);
    else this.#pending.inspect(socket, filters, findings => this.#take(socket, findings));
  }

  /** @param findings undefined where nobody has looked at it */
  #take(socket: Socket, findings: Findings | undefined): void {
    const chain = this.#findChain === undefined ? this.#chains[0]! : this.#chainFor(socket, findings, this.#findChain);
    if (chain === undefined) {
      this.#noChainMatch.increment();
      socket.destroy();
      return;
    }
    this.#cxTotal.increment();
    this.#cxActive.increment();
    this.#workerTotal.increment();
    this.#workerActive.increment();
    const { filter, tls, handshakeTimeoutMs } = chain;
    const facts = factsOf(findings);
    if (tls !== undefined) {
      const securing = { tls, timeoutMs: handshakeTimeoutMs, hello: findings?.hello };
      this.#pending.secure(socket, securing, {
        onSecured: (secured, shown) =>
          filter.accept(openSocketTransport(secured, this.#highMark), { ...facts, tls: shown }),
        onFailed: failed => filter.refused(failed),
      });
    } else if (findings === undefined) filter.accept(openTransport(socket, this.#highMark), facts);
    else filter.accept(openSocketTransport(socket, this.#highMark), facts);
  }

  #chainFor(socket: Socket, findings: Findings | undefined, find: ChainFinder): FilterChain | undefined {
    const index = find(matchInput(socket, findings));
    return index === undefined ? this.#default : this.#chains[index];
  }

  #onConnectionClosed(lengthMs: number): void {
    this.#cxActive.decrement();
    this.#workerActive.decrement();
    this.#cxDestroy.increment();
    this.#cxLengthMs.record(Math.round(lengthMs));
  }

  /** Accepts no more; connections end after the request that is under way. */
  drain(): void {
    this.stopAccepting();
    for (const filter of this.#filters) filter.drain();
  }

  stopAccepting(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Resolves when there is no connection. */
  async empty(): Promise<void> {
    await Promise.all(this.#filters.map(filter => filter.empty()));
  }

  destroy(): void {
    this.stopAccepting();
    this.#pending.destroy();
    for (const { tls } of this.#allChains) tls?.source.stop();
    for (const filter of this.#filters) filter.destroy();
  }
}

function bindAddress(configuration: Configuration): { host: string; port: number } {
  const address = configuration.address?.address;
  if (address?.case !== 'socketAddress')
    throw new Error(`listener ${configuration.name}: address is not a socket address`);
  const { portSpecifier } = address.value;
  return { host: address.value.address, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 };
}

function factsOf(findings: Findings | undefined): ConnectionFacts {
  if (findings === undefined) return noFacts;
  const { hello, remoteAddress, localAddress } = findings;
  return { serverName: hello?.serverName ?? '', tls: undefined, remoteAddress, localAddress };
}

function matchInput(socket: Socket, { hello, applicationProtocols, ...told }: Findings = {}): MatchInput {
  const source = splitAddress(told.remoteAddress ?? formatAddress(socket.remoteAddress, socket.remotePort));
  const destination = splitAddress(told.localAddress ?? formatAddress(socket.localAddress, socket.localPort));
  return {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source.address,
    sourcePort: source.port,
    serverName: hello?.serverName ?? '',
    transportProtocol: hello === undefined ? 'raw_buffer' : 'tls',
    applicationProtocols: hello?.applicationProtocols ?? applicationProtocols ?? [],
  };
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}

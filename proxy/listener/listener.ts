/** A listener: accepts connections and hands each to the filter chain that it matches. */
import { createServer, type Server, type Socket } from 'node:net';
import type { DynamicResource, ListenerStatus } from '../admin-source.ts';
import type { AccessLog } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import { splitAddress } from '../net/address-range.ts';
import { openTransport } from '../net/handle-transport.ts';
import { defaultHighMark, formatAddress } from '../net/transport.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { StreamObserver } from '../stream-info.ts';
import { type ChainContext, compileFilterChain } from './filter-chain.ts';
import { type ChainFinder, compileChainMatches, type MatchInput } from './filter-chain-match.ts';
import { noFacts, type TerminalFilter } from './network-filter.ts';

const silentCounters = `downstream_cx_overflow downstream_cx_overload_reject downstream_cx_transport_socket_connect_timeout
downstream_global_cx_overflow downstream_listener_filter_error downstream_listener_filter_remote_close downstream_pre_cx_timeout
extension_config_missing network_extension_config_missing`;

export interface ListenerContext extends RouteSourceContext {
  store: StatsStore;
  nodeCluster: string;
  /** Makes what writes the access log of a connection manager. */
  accessLog(configurations: readonly AccessLog[]): StreamObserver | undefined;
  observers: readonly StreamObserver[];
  /** What the admin interface says of this proxy's health. */
  healthcheck: { readonly failed: boolean };
}

export class Listener implements ListenerStatus {
  readonly name: string;
  address: string;
  readonly #configuration: Configuration;
  readonly #server: Server;
  readonly #chains: readonly TerminalFilter[];
  readonly #default: TerminalFilter | undefined;
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
    scope.gauge('downstream_pre_cx_active');
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

  get #filters(): readonly TerminalFilter[] {
    return this.#default === undefined ? this.#chains : [...this.#chains, this.#default];
  }

  /** Ends when connections may come: the routes are there. */
  async prepare(): Promise<void> {
    await Promise.all(this.#filters.map(filter => filter.prepare()));
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
    const filter = this.#findChain === undefined ? this.#chains[0]! : this.#chainFor(socket, this.#findChain);
    if (filter === undefined) {
      this.#noChainMatch.increment();
      socket.destroy();
      return;
    }
    this.#cxTotal.increment();
    this.#cxActive.increment();
    this.#workerTotal.increment();
    this.#workerActive.increment();
    filter.accept(openTransport(socket, this.#highMark), noFacts);
  }

  #chainFor(socket: Socket, find: ChainFinder): TerminalFilter | undefined {
    const index = find(matchInput(socket));
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

function matchInput(socket: Socket): MatchInput {
  const source = splitAddress(formatAddress(socket.remoteAddress, socket.remotePort));
  const destination = splitAddress(formatAddress(socket.localAddress, socket.localPort));
  return {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source.address,
    sourcePort: source.port,
    serverName: '',
    transportProtocol: 'raw_buffer',
    applicationProtocols: [],
  };
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}

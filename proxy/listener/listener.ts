/** A listener: accepts connections and hands each to the filter chain that it matches. */
import { createServer, type Server, type Socket } from 'node:net';
import type { DynamicResource, ListenerStatus } from '../admin-source.ts';
import type { AccessLog } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { TlsInspector as TlsInspectorConfiguration } from '../api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import { splitAddress } from '../net/address-range.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { defaultHighMark, formatAddress } from '../net/transport.ts';
import type { RouteSourceContext } from '../routing/route-context.ts';
import type { Counter, Gauge, Histogram } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { StreamObserver } from '../stream-info.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import type { TlsContext } from '../tls/tls-context.ts';
import type { ClientHello } from './client-hello.ts';
import { type ChainContext, compileFilterChain, type FilterChain } from './filter-chain.ts';
import { type ChainFinder, compileChainMatches, type MatchInput } from './filter-chain-match.ts';
import { noFacts, type TerminalFilter } from './network-filter.ts';
import { PendingConnections } from './pending-connections.ts';
import { TlsInspector } from './tls-inspector.ts';

const silentCounters = `downstream_cx_overflow downstream_cx_overload_reject
downstream_global_cx_overflow downstream_listener_filter_error
extension_config_missing network_extension_config_missing`;

export interface ListenerContext extends RouteSourceContext {
  store: StatsStore;
  nodeCluster: string;
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
  readonly #inspector: TlsInspector | undefined;
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
    this.#inspector = inspectorOf(configuration, context.store);
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
    const inspector = this.#inspector;
    if (inspector === undefined) {
      this.#take(socket, undefined, false);
      return;
    }
    this.#pending.inspect(socket, inspector, hello => this.#take(socket, hello, true));
  }

  /** @param inspected whether its first bytes were read */
  #take(socket: Socket, hello: ClientHello | undefined, inspected: boolean): void {
    const chain = this.#findChain === undefined ? this.#chains[0]! : this.#chainFor(socket, hello, this.#findChain);
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
    const serverName = hello?.serverName ?? '';
    if (tls !== undefined)
      this.#pending.secure(
        socket,
        { tls, timeoutMs: handshakeTimeoutMs, hello },
        {
          onSecured: (secured, facts) =>
            filter.accept(openSocketTransport(secured, this.#highMark), { serverName, tls: facts }),
          onFailed: failed => filter.refused(failed),
        },
      );
    else if (inspected) filter.accept(openSocketTransport(socket, this.#highMark), { serverName, tls: undefined });
    else filter.accept(openTransport(socket, this.#highMark), noFacts);
  }

  #chainFor(socket: Socket, hello: ClientHello | undefined, find: ChainFinder): FilterChain | undefined {
    const index = find(matchInput(socket, hello));
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

const inspectorType = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';

function inspectorOf(configuration: Configuration, store: StatsStore): TlsInspector | undefined {
  const inspects = configuration.listenerFilters.some(
    ({ configType }) =>
      configType.case === 'typedConfig' && typedConfig<TlsInspectorConfiguration>(configType.value, inspectorType),
  );
  if (!inspects) return undefined;
  return new TlsInspector(store, {
    timeoutMs: milliseconds(configuration.listenerFiltersTimeout, 15_000),
    continuesOnTimeout: configuration.continueOnListenerFiltersTimeout,
  });
}

function matchInput(socket: Socket, hello: ClientHello | undefined): MatchInput {
  const source = splitAddress(formatAddress(socket.remoteAddress, socket.remotePort));
  const destination = splitAddress(formatAddress(socket.localAddress, socket.localPort));
  return {
    destinationAddress: destination.address,
    destinationPort: destination.port,
    sourceAddress: source.address,
    sourcePort: source.port,
    serverName: hello?.serverName ?? '',
    transportProtocol: hello === undefined ? 'raw_buffer' : 'tls',
    applicationProtocols: hello?.applicationProtocols ?? [],
  };
}

function bindReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'Address already in use';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code === 'EADDRNOTAVAIL' ? 'Cannot assign requested address' : error.message;
}

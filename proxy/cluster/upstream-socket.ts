/** A connection to a host: made within its time and counted, whatever it carries. */
import { connect, isIPv6, type Socket } from 'node:net';
import type { ConnectionTimes } from '../connection-times.ts';
import { upstreamIds } from '../net/connection-ids.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { endOf, isPipe } from '../net/pipe.ts';
import { SocketOptionError } from '../net/prepared-socket.ts';
import { formatAddress, type Transport } from '../net/transport.ts';
import type { Traffic } from '../stats/traffic.ts';
import type { ClientHandshakeOwner, PeerName, TlsClient } from '../tls/tls-client.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';
import type { ClusterStats } from './cluster-stats.ts';
import type { Host } from './host.ts';
import type { ResourceLimits } from './resource-limits.ts';
import type { SourceAddress, SourceFor } from './source-address.ts';

export interface UpstreamSocketOptions {
  host: Host;
  stats: ClusterStats;
  limits: ResourceLimits;
  connectTimeoutMs: number;
  /** Bytes that may wait to be sent. */
  highMark: number;
  /** Undefined: the system chooses where connections come from. */
  source?: SourceFor | undefined;
  /** Tells the system before it connects; undefined: nothing. Throws what is not taken. */
  prepareConnect?: ((socket: Socket, host: string) => void) | undefined;
  /** Undefined: nothing is said to the system once it has. */
  prepareSocket?: ((socket: Socket) => void) | undefined;
  /** Undefined where connections are not encrypted. */
  tls: TlsClient | undefined;
  /** Whom a TLS client names, and expects; undefined: whom its configuration does. */
  peerName?: PeerName | undefined;
  /** What a TLS client offers where its configuration names no protocols. */
  applicationProtocols: readonly string[];
}

export type ConnectFailure = 'connection-failure' | 'local-connection-failure' | 'connection-timeout';

/** Told once how the attempt went; afterwards the transport's handler hears of the connection. */
export interface UpstreamSocketOwner {
  onConnected(transport: Transport): void;
  onConnectFailed(failure: ConnectFailure, transportFailure: string): void;
}

export class UpstreamSocket {
  readonly id: number = upstreamIds.next();
  /** Undefined until it is connected. */
  transport: Transport | undefined;
  /** Undefined where it is not encrypted. */
  tls: TlsFacts | undefined;
  readonly #options: UpstreamSocketOptions;
  readonly #owner: UpstreamSocketOwner;
  readonly #socket: Socket;
  readonly times: ConnectionTimes = { begunMs: performance.now() };
  readonly #timer: NodeJS.Timeout;
  #over = false;
  #traffic: Traffic | undefined;

  /** @param allowHalfOpen whether what the host sends ends before what it is sent */
  constructor(options: UpstreamSocketOptions, owner: UpstreamSocketOwner, allowHalfOpen: boolean) {
    this.#options = options;
    this.#owner = owner;
    const { host, stats, limits } = options;
    limits.connections.take();
    stats.cxTotal.increment();
    stats.cxActive.increment();
    host.counters.cx_total++;
    host.gauges.cx_active++;
    const source = options.source?.(host.address);
    this.#socket = connect({ ...endOf(host.address, host.port), noDelay: true, allowHalfOpen, ...source });
    this.#prepare();
    this.#socket.pause();
    this.#socket.once('connect', () => this.#onConnect());
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error instanceof SocketOptionError) this.#onError('local-connection-failure', '');
      else if (error.syscall === 'bind' && source !== undefined) this.#onBindError(error, source);
      else this.#onError('connection-failure', describeConnectError(error, host.address));
    });
    this.#timer = setTimeout(() => this.#onTimeout(), options.connectTimeoutMs);
  }

  /** It has no descriptor yet: that is chosen once this turn is over. */
  #prepare(): void {
    const { host, prepareConnect } = this.#options;
    try {
      prepareConnect?.(this.#socket, host.address);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  /** Whether `release` was called: what comes later is not heard. */
  get over(): boolean {
    return this.#over;
  }

  #onConnect(): void {
    if (this.#over) return;
    this.times.connectedMs = performance.now();
    const { tls, applicationProtocols, highMark, peerName, prepareSocket } = this.#options;
    prepareSocket?.(this.#socket);
    if (tls === undefined) this.#open(openTransport(this.#socket, highMark));
    else {
      const owner: ClientHandshakeOwner = {
        onSecured: (secured, facts) => {
          this.tls = facts;
          this.times.securedMs = facts.securedMs;
          if (this.#over) secured.destroy();
          else this.#open(openSocketTransport(secured, highMark));
        },
        onFailed: reason => this.#onError('connection-failure', reason),
      };
      tls.handshake(this.#socket, applicationProtocols, owner, tls.peerAt(this.#options.host.hostname, peerName));
    }
  }

  #open(transport: Transport): void {
    clearTimeout(this.#timer);
    const { stats } = this.#options;
    stats.cxConnectMs.record(Math.round(performance.now() - this.times.begunMs));
    this.transport = transport;
    this.#traffic = stats.traffic.open(this.transport);
    this.#owner.onConnected(this.transport);
  }

  #onTimeout(): void {
    this.#options.stats.cxConnectTimeout.increment();
    this.#onError('connection-timeout', '');
  }

  #onBindError(error: NodeJS.ErrnoException, { localAddress, localPort }: SourceAddress): void {
    this.#options.stats.bindErrors.increment();
    const otherFamily = isIPv6(localAddress) !== isIPv6(this.#options.host.address);
    const reason = otherFamily ? 'Address family not supported by protocol' : errorText(error);
    this.#onError('local-connection-failure', `failed to bind to ${formatAddress(localAddress, localPort)}: ${reason}`);
  }

  #onError(failure: ConnectFailure, transportFailure: string): void {
    if (this.#over || this.transport !== undefined) return;
    const { stats, host } = this.#options;
    stats.cxConnectFail.increment();
    host.counters.cx_connect_fail++;
    this.#socket.destroy();
    this.release(failure === 'connection-failure', false);
    this.#owner.onConnectFailed(failure, transportFailure);
  }

  /**
   * It is closed, or about to be: gives back what it took.
   * @param byPeer whether the host closed it
   * @param active whether it carried something
   */
  release(byPeer: boolean, active: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#traffic?.close();
    const { stats, host, limits } = this.#options;
    limits.connections.give();
    stats.cxActive.decrement();
    host.gauges.cx_active--;
    stats.cxDestroy.increment();
    (byPeer ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    stats.cxLengthMs.record(Math.round(performance.now() - this.times.begunMs));
    if (!active) return;
    stats.cxDestroyWithActive.increment();
    (byPeer ? stats.cxDestroyRemoteWithActive : stats.cxDestroyLocalWithActive).increment();
  }

  /** Ends it at once, or gives up the attempt. */
  destroy(): void {
    if (this.transport === undefined) this.#socket.destroy();
    else this.transport.destroy();
  }
}

/** The words that Envoy finds for a connection that failed. */
function describeConnectError(error: NodeJS.ErrnoException, address: string): string {
  // Whether somebody listens at a pipe is known at once.
  if (isPipe(address)) return `immediate connect error: ${errorText(error)}|remote address:${address}`;
  return `delayed connect error: ${errorText(error)}`;
}

/** As the system's library says it. */
const errorText = (error: NodeJS.ErrnoException): string =>
  errorTexts.get(error.code ?? '') ?? error.code ?? error.message;

const errorTexts = new Map([
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['EADDRINUSE', 'Address already in use'],
  ['EACCES', 'Permission denied'],
  ['ECONNREFUSED', 'Connection refused'],
  ['EHOSTUNREACH', 'No route to host'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENOENT', 'No such file or directory'],
  ['ETIMEDOUT', 'Connection timed out'],
  ['ECONNRESET', 'Connection reset by peer'],
]);

/** A client's connection and the requests on it. */
import { type ConnectionTimes, timesOf } from '../connection-times.ts';
import { Deadline, type Limited } from '../deadlines.ts';
import type { HttpVersion, ResponseSender, ServerCodec, ServerCodecOwner } from '../http/codec.ts';
import { ServerConnection } from '../http1/server-connection.ts';
import { Http2ServerConnection, tooManyResets } from '../http2/server-connection.ts';
import type { ConnectionFacts } from '../listener/network-filter.ts';
import { downstreamIds } from '../net/connection-ids.ts';
import type { Transport } from '../net/transport.ts';
import type { Traffic } from '../stats/traffic.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import { ActiveStream } from './active-stream.ts';
import type { ConnectionManager } from './connection-manager.ts';
import { type CodecType, FirstBytes, type FirstBytesOwner } from './first-bytes.ts';
import type { Peer } from './request-headers.ts';

export class ManagedConnection implements ServerCodecOwner, FirstBytesOwner, Limited {
  readonly id: number;
  readonly manager: ConnectionManager;
  /** What logs will tell of the connection itself; undefined: nobody logs it. */
  readonly told: StreamInfo | undefined;
  readonly peer: Peer;
  readonly localAddress: string;
  readonly #originalDestination: string;
  readonly remoteAddress: string;
  /** Of the connection itself, whatever a proxy before this one tells. */
  readonly directRemoteAddress: string;
  readonly directLocalAddress: string;
  readonly deadline: Deadline = new Deadline(this);
  readonly #transport: Transport;
  /** Undefined until the first bytes came. */
  #codec: ServerCodec | undefined;
  readonly #times: ConnectionTimes;
  #draining = false;
  /** Its client has had the time to hear of that. */
  #drained = false;
  #drainTimer: NodeJS.Timeout | undefined;
  #closingHere = false;
  #requests = 0;
  /** No further request is taken. */
  #lastRequest = false;
  readonly #traffic: Traffic;
  #maxDuration: NodeJS.Timeout | undefined;

  constructor(manager: ConnectionManager, transport: Transport, facts: ConnectionFacts) {
    this.manager = manager;
    this.told = facts.connection;
    this.id = this.told?.connectionId || downstreamIds.next();
    this.directRemoteAddress = transport.remoteAddress;
    this.directLocalAddress = transport.localAddress;
    this.remoteAddress = facts.remoteAddress ?? transport.remoteAddress;
    this.localAddress = facts.localAddress ?? transport.localAddress;
    this.#originalDestination = facts.localAddress ?? '';
    this.peer = { address: addressOf(this.remoteAddress), ...facts };
    this.#transport = transport;
    this.#times = timesOf(facts.tls);
    const { stats, settings } = manager;
    new FirstBytes(transport, codecType(settings.codecType, facts.tls?.applicationProtocol), this);
    this.#traffic = stats.traffic.open(transport);
    stats.cxTotal.increment();
    stats.cxActive.increment();
    if (facts.tls !== undefined) {
      stats.cxSslTotal.increment();
      stats.cxSslActive.increment();
    }
    this.#awaitRequest();
    if (settings.maxConnectionDurationMs > 0) {
      this.#maxDuration = setTimeout(() => this.#onMaxDuration(), settings.maxConnectionDurationMs);
    }
  }

  onVersion(version: HttpVersion, bytes: Buffer): void {
    const { manager } = this;
    const { stats, settings } = manager;
    if (version === 'HTTP/2') {
      stats.cxHttp2Total.increment();
      stats.cxHttp2Active.increment();
      this.#codec = new Http2ServerConnection(this.#transport, this, manager.http2, settings.drainTimeoutMs);
    } else {
      stats.cxHttp1Total.increment();
      stats.cxHttp1Active.increment();
      // Its statistics begin with it.
      manager.http1;
      this.#codec = new ServerConnection(this.#transport, this, manager.http1Context);
    }
    this.#transport.handler.onRead(bytes);
  }

  newRequest(sender: ResponseSender): ActiveStream {
    const { stats } = this.manager;
    stats.rqTotal.increment();
    (sender.protocol === 'HTTP/2' ? stats.rqHttp2Total : stats.rqHttp1Total).increment();
    stats.rqActive.increment();
    this.deadline.clear();
    this.#countRequest();
    return new ActiveStream(this, sender);
  }

  /** As many as it may have: the last one tells the client so. */
  #countRequest(): void {
    const { settings, stats } = this.manager;
    this.#requests++;
    if (settings.maxRequestsPerConnection === 0 || this.#requests < settings.maxRequestsPerConnection) return;
    stats.cxMaxRequestsReached.increment();
    if (this.#codec?.protocol === 'HTTP/2') this.#beginDrain();
    else this.#lastRequest = true;
  }

  /** What a request's log tells of its connection. */
  describe(info: StreamInfo, { protocol, bytes }: ResponseSender): void {
    info.protocol = protocol;
    info.downstreamBytes = bytes;
    info.startMs = Date.now();
    info.begunMs = performance.now();
    info.statPrefix = this.manager.settings.statPrefix;
    info.listenerName = this.manager.listenerName;
    const { chain } = this.manager;
    info.filterChainName = chain.filterChainName;
    info.listenerDirection = chain.listenerDirection;
    info.listenerMetadata = chain.listenerMetadata;
    info.chainMetadata = chain.chainMetadata;
    info.connectionId = this.id;
    info.downstreamLocalAddress = this.localAddress;
    info.originalDestination = this.#originalDestination;
    info.requestedServerName = this.peer.serverName;
    info.ja3 = this.peer.ja3;
    info.ja4 = this.peer.ja4;
    info.connectionTimes = this.#times;
    info.tls = this.peer.tls;
    info.downstreamRemoteAddress = this.remoteAddress;
    info.downstreamDirectRemoteAddress = this.directRemoteAddress;
    info.downstreamDirectLocalAddress = this.directLocalAddress;
    const kept = this.told?.filterState;
    if (kept !== undefined) info.filterState = new Map(kept);
  }

  /** The response that comes next is the last one. */
  takeNoMore(): void {
    this.#lastRequest = true;
  }

  /** Asked once for each response, before its head is sent. */
  closesAfterResponse(): boolean {
    const drains = !this.#draining && this.manager.endsConnection();
    if (!drains && !this.#draining && !this.#lastRequest) return false;
    // HTTP/2 ends with its last stream, and is told so but once.
    if (this.#codec?.protocol === 'HTTP/2' && this.#closingHere) return false;
    this.#closingHere = true;
    if (drains) this.manager.stats.cxDrainClose.increment();
    if (this.#codec?.protocol === 'HTTP/2') this.#codec.drain();
    return true;
  }

  onProtocolError(details: string): void {
    if (details === tooManyResets) this.manager.stats.rqTooManyPrematureResets.increment();
    this.manager.stats.cxProtocolError.increment();
    if (this.told !== undefined) this.told.flags |= flag.DOWNSTREAM_PROTOCOL_ERROR;
    this.#closingHere = true;
  }

  onStreamDone(stream: ActiveStream): void {
    const { stats } = this.manager;
    const { info } = stream;
    if (this.told !== undefined) noteStream(this.told, info);
    info.clientReset = this.#transport.wasReset;
    stats.rqActive.decrement();
    stats.rqTime.record(Math.round(info.durationMs));
    // As in Envoy health checks are no traffic, and redirects that are followed are no answers.
    if (stream.answered && !info.healthCheck) this.manager.countResponse(info.responseCode);
    this.manager.observe(info);
  }

  onConnectionIdle(): void {
    if (this.#drained) this.#close();
    else this.#awaitRequest();
  }

  #awaitRequest(): void {
    const { idleQueue } = this.manager;
    if (idleQueue !== undefined) this.deadline.set(idleQueue);
  }

  onDeadline(): void {
    this.manager.stats.cxIdleTimeout.increment();
    this.#beginDrain();
  }

  #close(): void {
    this.#closingHere = true;
    if (this.#codec === undefined) this.#transport.destroy();
    else this.#codec.close();
  }

  #onMaxDuration(): void {
    this.manager.stats.cxMaxDurationReached.increment();
    this.#beginDrain();
  }

  /** As in Envoy: its client hears of it with the next response, or by HTTP/2 at once, and the connection ends some time after that. */
  #beginDrain(): void {
    if (this.#draining) return;
    if (this.#codec === undefined) {
      this.#close();
      return;
    }
    this.#draining = true;
    if (this.#codec.protocol === 'HTTP/2') this.#drainHttp2();
    else this.#drainTimer = setTimeout(() => this.#endDrain(), this.manager.settings.drainTimeoutMs);
  }

  #drainHttp2(): void {
    this.#closingHere = true;
    this.#codec?.drain();
  }

  #endDrain(): void {
    this.#drained = true;
    if (!this.#codec?.busy) this.#close();
  }

  /** Ends the connection after the response that is under way, or now. */
  drain(): void {
    this.#draining = true;
    if (!this.#codec?.busy) this.#close();
    else if (this.#codec.protocol === 'HTTP/2') this.#drainHttp2();
  }

  ageMs(): number {
    return performance.now() - this.#times.begunMs;
  }

  destroy(): void {
    this.#closingHere = true;
    this.#transport.destroy();
  }

  onClosedEarly(byPeer: boolean): void {
    this.onConnectionClosed(byPeer, false);
  }

  onConnectionClosed(byPeer: boolean, withRequest: boolean): void {
    this.deadline.clear();
    clearTimeout(this.#maxDuration);
    clearTimeout(this.#drainTimer);
    this.#traffic.close();
    const { stats } = this.manager;
    // One with a request was cut off by its client, whatever we meant to do after it.
    const remote = byPeer && (withRequest || !this.#closingHere);
    stats.cxActive.decrement();
    if (this.#codec !== undefined)
      (this.#codec.protocol === 'HTTP/2' ? stats.cxHttp2Active : stats.cxHttp1Active).decrement();
    if (this.peer.tls !== undefined) stats.cxSslActive.decrement();
    stats.cxDestroy.increment();
    (remote ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    if (withRequest) {
      stats.cxDestroyActiveRq.increment();
      (remote ? stats.cxDestroyRemoteActiveRq : stats.cxDestroyLocalActiveRq).increment();
    }
    stats.cxLengthMs.record(Math.round(this.ageMs()));
    const { bytesRead: bytesReceived, bytesWritten: bytesSent } = this.#transport;
    const { wasReset: clientReset } = this.#transport;
    const own = !remote || this.#codec?.endsConnection;
    if (this.told !== undefined && own) this.told.localCloseReason ||= 'deferred_close_on_drained_connection';
    if (this.told !== undefined) Object.assign(this.told, { bytesReceived, bytesSent, clientReset });
    this.manager.onConnectionClosed(this);
  }
}

/** What a request on a connection makes logs tell of the connection. */
function noteStream(connection: StreamInfo, { flags, protocol }: StreamInfo): void {
  if ((flags & flag.DOWNSTREAM_PROTOCOL_ERROR) === 0) connection.protocol = protocol;
  else connection.flags |= flag.DOWNSTREAM_PROTOCOL_ERROR;
}

/** What the handshake agreed on is told by no byte. */
function codecType(configured: CodecType, applicationProtocol: string | undefined): CodecType {
  if (configured !== 'auto') return configured;
  if (applicationProtocol === 'h2') return 'HTTP/2';
  return applicationProtocol === 'http/1.1' ? 'HTTP/1.1' : 'auto';
}

/** `1.2.3.4:5` or `[::1]:5` without the port. */
function addressOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** A client's connection and the requests on it. */
import { Deadline, type Limited } from '../deadlines.ts';
import type { RequestReceiver } from '../http/codec.ts';
import { ServerConnection, type ServerConnectionOwner } from '../http1/server-connection.ts';
import type { ConnectionFacts } from '../listener/network-filter.ts';
import type { Transport } from '../net/transport.ts';
import type { Traffic } from '../stats/traffic.ts';
import { ActiveStream } from './active-stream.ts';
import type { ConnectionManager } from './connection-manager.ts';
import type { Peer } from './request-headers.ts';

export class ManagedConnection implements ServerConnectionOwner, Limited {
  readonly id: number;
  readonly manager: ConnectionManager;
  readonly peer: Peer;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Of the connection itself, whatever a proxy before this one tells. */
  readonly directRemoteAddress: string;
  readonly deadline: Deadline = new Deadline(this);
  readonly #codec: ServerConnection;
  readonly #startedAt = performance.now();
  #draining = false;
  #closingHere = false;
  readonly #traffic: Traffic;
  #maxDuration: NodeJS.Timeout | undefined;

  constructor(manager: ConnectionManager, transport: Transport, facts: ConnectionFacts, id: number) {
    this.manager = manager;
    this.id = id;
    this.directRemoteAddress = transport.remoteAddress;
    this.remoteAddress = facts.remoteAddress ?? transport.remoteAddress;
    this.localAddress = facts.localAddress ?? transport.localAddress;
    this.peer = { address: addressOf(this.remoteAddress), ...facts };
    this.#codec = new ServerConnection(
      transport,
      this,
      manager.settings.limits,
      manager.settings.delayedCloseTimeoutMs,
    );
    const { stats, settings } = manager;
    this.#traffic = stats.traffic.open(transport);
    stats.cxTotal.increment();
    stats.cxActive.increment();
    stats.cxHttp1Total.increment();
    stats.cxHttp1Active.increment();
    if (facts.tls !== undefined) {
      stats.cxSslTotal.increment();
      stats.cxSslActive.increment();
    }
    this.#awaitRequest();
    if (settings.maxConnectionDurationMs > 0) {
      this.#maxDuration = setTimeout(() => this.#onMaxDuration(), settings.maxConnectionDurationMs);
    }
  }

  newRequest(): RequestReceiver {
    const { stats } = this.manager;
    stats.rqTotal.increment();
    stats.rqHttp1Total.increment();
    stats.rqActive.increment();
    this.deadline.clear();
    return new ActiveStream(this, this.#codec);
  }

  closesAfterResponse(): boolean {
    if (!this.#draining && !this.manager.healthcheck.failed) return false;
    this.#closingHere = true;
    this.manager.stats.cxDrainClose.increment();
    return true;
  }

  onStreamDone(stream: ActiveStream): void {
    const { stats } = this.manager;
    const { info } = stream;
    stats.rqActive.decrement();
    stats.rqTime.record(Math.round(info.durationMs));
    // As in Envoy: they are no traffic.
    if (info.responseCode > 0 && !info.healthCheck) this.manager.countResponse(info.responseCode);
    this.manager.observe(info);
  }

  onConnectionIdle(): void {
    this.#awaitRequest();
  }

  #awaitRequest(): void {
    const { idleQueue } = this.manager;
    if (idleQueue !== undefined) this.deadline.set(idleQueue);
  }

  onDeadline(): void {
    this.manager.stats.cxIdleTimeout.increment();
    this.#closingHere = true;
    this.#codec.close();
  }

  #onMaxDuration(): void {
    this.manager.stats.cxMaxDurationReached.increment();
    this.drain();
  }

  /** Ends the connection after the response that is under way, or now. */
  drain(): void {
    this.#draining = true;
    if (this.#codec.busy) return;
    this.#closingHere = true;
    this.#codec.close();
  }

  ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  destroy(): void {
    this.#closingHere = true;
    this.#codec.transport.destroy();
  }

  onConnectionClosed(byPeer: boolean, withRequest: boolean): void {
    this.deadline.clear();
    clearTimeout(this.#maxDuration);
    this.#traffic.close();
    const { stats } = this.manager;
    const remote = byPeer && !this.#closingHere;
    stats.cxActive.decrement();
    stats.cxHttp1Active.decrement();
    if (this.peer.tls !== undefined) stats.cxSslActive.decrement();
    stats.cxDestroy.increment();
    (remote ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    if (withRequest) {
      stats.cxDestroyActiveRq.increment();
      (remote ? stats.cxDestroyRemoteActiveRq : stats.cxDestroyLocalActiveRq).increment();
    }
    stats.cxLengthMs.record(Math.round(this.ageMs()));
    this.manager.onConnectionClosed(this);
  }
}

/** `1.2.3.4:5` or `[::1]:5` without the port. */
function addressOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** The access log of a listener: a line for each of its connections once it is over, also for those that nobody serves. */
import type { Socket } from 'node:net';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import { downstreamIds } from '../net/connection-ids.ts';
import { localAddressOf, remoteAddressOf } from '../net/transport.ts';
import { type ChainFacts, flag, StreamInfo, type StreamObserver } from '../stream-info.ts';
import type { Findings } from './listener-filter.ts';

/** Neither the start nor the end of something that a filter serves. */
const unsetType = 'NotSet';

export class ConnectionLog {
  readonly #observer: StreamObserver;
  readonly #listenerName: string;
  readonly #listenerMetadata: DynamicMetadata | undefined;

  constructor(observer: StreamObserver, listenerName: string, listenerMetadata: DynamicMetadata | undefined) {
    this.#observer = observer;
    this.#listenerName = listenerName;
    this.#listenerMetadata = listenerMetadata;
  }

  /** A connection that came; whoever serves it adds what becomes of it. */
  begin(socket: Socket): StreamInfo {
    const info = new StreamInfo();
    info.begunMs = performance.now();
    info.connectionTimes = { begunMs: info.begunMs };
    info.startMs = performance.timeOrigin + info.begunMs;
    info.protocol = '';
    info.accessLogType = unsetType;
    info.listenerName = this.#listenerName;
    info.listenerMetadata = this.#listenerMetadata;
    const [local, remote] = [localAddressOf(socket), remoteAddressOf(socket)];
    Object.assign(info, { downstreamLocalAddress: local, downstreamDirectLocalAddress: local });
    Object.assign(info, { downstreamRemoteAddress: remote, downstreamDirectRemoteAddress: remote });
    return info;
  }

  /** A chain takes it. */
  chosen(info: StreamInfo, findings: Findings | undefined, { filterChainName, chainMetadata }: ChainFacts): void {
    describe(info, findings);
    info.connectionId = downstreamIds.next();
    info.filterChainName = filterChainName;
    info.chainMetadata = chainMetadata;
  }

  /** No chain was looked for: it was closed before. */
  endUnserved(info: StreamInfo, findings: Findings): void {
    describe(info, findings);
    this.end(info);
  }

  /** No chain takes it. */
  endUnmatched(info: StreamInfo, findings: Findings | undefined): void {
    describe(info, findings);
    info.flags |= flag.NO_ROUTE_FOUND;
    info.responseCodeDetails = 'filter_chain_not_found';
    this.end(info);
  }

  /** It is over. What the filter that served it logs comes after this. */
  end(info: StreamInfo): void {
    const { accessLogType } = info;
    info.accessLogType = unsetType;
    info.durationMs = performance.timeOrigin + performance.now() - info.startMs;
    this.#observer(info);
    info.accessLogType = accessLogType;
  }
}

/** What was found out about it before a chain was looked for. */
function describe(info: StreamInfo, { hello, localAddress, remoteAddress }: Findings = {}): void {
  info.requestedServerName = hello?.serverName ?? '';
  info.downstreamLocalAddress = localAddress ?? info.downstreamLocalAddress;
  info.originalDestination = localAddress ?? '';
  info.downstreamRemoteAddress = remoteAddress ?? info.downstreamRemoteAddress;
}

/** What is known of one request: read by the access log, by the events line and by the stats. */

import type { Json, JsonObject } from './configuration/json.ts';
import type { ConnectionTimes } from './connection-times.ts';
import { DynamicMetadata } from './dynamic-metadata.ts';
import type { Decisions } from './explain/decisions.ts';
import type { BrokenBy } from './http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from './http/headers.ts';
import type { WireBytes } from './http/wire-bytes.ts';
import type { Locality } from './load-balancing/localities.ts';
import type { OverrideHost } from './load-balancing/override-hosts.ts';
import type { TlsFacts } from './tls/tls-facts.ts';

/** Envoy's response flags as bits, in the order of its own list. */
export const flag = {
  FAILED_LOCAL_HEALTH_CHECK: 1 << 0,
  NO_HEALTHY_UPSTREAM: 1 << 1,
  UPSTREAM_REQUEST_TIMEOUT: 1 << 2,
  LOCAL_RESET: 1 << 3,
  UPSTREAM_REMOTE_RESET: 1 << 4,
  UPSTREAM_CONNECTION_FAILURE: 1 << 5,
  UPSTREAM_CONNECTION_TERMINATION: 1 << 6,
  UPSTREAM_OVERFLOW: 1 << 7,
  NO_ROUTE_FOUND: 1 << 8,
  DELAY_INJECTED: 1 << 9,
  FAULT_INJECTED: 1 << 10,
  RATE_LIMITED: 1 << 11,
  UNAUTHORIZED_EXTERNAL_SERVICE: 1 << 12,
  RATE_LIMIT_SERVICE_ERROR: 1 << 13,
  DOWNSTREAM_CONNECTION_TERMINATION: 1 << 14,
  UPSTREAM_RETRY_LIMIT_EXCEEDED: 1 << 15,
  STREAM_IDLE_TIMEOUT: 1 << 16,
  INVALID_ENVOY_REQUEST_HEADERS: 1 << 17,
  DOWNSTREAM_PROTOCOL_ERROR: 1 << 18,
  UPSTREAM_MAX_STREAM_DURATION_REACHED: 1 << 19,
  RESPONSE_FROM_CACHE_FILTER: 1 << 20,
  NO_FILTER_CONFIG_FOUND: 1 << 21,
  DURATION_TIMEOUT: 1 << 22,
  UPSTREAM_PROTOCOL_ERROR: 1 << 23,
  NO_CLUSTER_FOUND: 1 << 24,
  OVERLOAD_MANAGER: 1 << 25,
  DNS_RESOLUTION_FAILED: 1 << 26,
  DROP_OVERLOAD: 1 << 27,
  DOWNSTREAM_REMOTE_RESET: 1 << 28,
  UNCONDITIONAL_DROP_OVERLOAD: 1 << 29,
} as const;

/** For streams that clients broke off. */
export const brokenFlag: Readonly<Record<BrokenBy, number>> = {
  reset: flag.DOWNSTREAM_REMOTE_RESET,
  protocol: flag.DOWNSTREAM_PROTOCOL_ERROR,
  closed: flag.DOWNSTREAM_CONNECTION_TERMINATION,
};

/** Short and long names by bit position. */
export const flagNames: readonly (readonly [short: string, long: string])[] = [
  ['LH', 'FailedLocalHealthCheck'],
  ['UH', 'NoHealthyUpstream'],
  ['UT', 'UpstreamRequestTimeout'],
  ['LR', 'LocalReset'],
  ['UR', 'UpstreamRemoteReset'],
  ['UF', 'UpstreamConnectionFailure'],
  ['UC', 'UpstreamConnectionTermination'],
  ['UO', 'UpstreamOverflow'],
  ['NR', 'NoRouteFound'],
  ['DI', 'DelayInjected'],
  ['FI', 'FaultInjected'],
  ['RL', 'RateLimited'],
  ['UAEX', 'UnauthorizedExternalService'],
  ['RLSE', 'RateLimitServiceError'],
  ['DC', 'DownstreamConnectionTermination'],
  ['URX', 'UpstreamRetryLimitExceeded'],
  ['SI', 'StreamIdleTimeout'],
  ['IH', 'InvalidEnvoyRequestHeaders'],
  ['DPE', 'DownstreamProtocolError'],
  ['UMSDR', 'UpstreamMaxStreamDurationReached'],
  ['RFCF', 'ResponseFromCacheFilter'],
  ['NFCF', 'NoFilterConfigFound'],
  ['DT', 'DurationTimeout'],
  ['UPE', 'UpstreamProtocolError'],
  ['NC', 'NoClusterFound'],
  ['OM', 'OverloadManagerTerminated'],
  ['DF', 'DnsResolutionFailed'],
  ['DO', 'DropOverload'],
  ['DR', 'DownstreamRemoteReset'],
  ['UDO', 'UnconditionalDropOverload'],
];

/** Envoy prints flags in the order in which they were set: what the retries found comes before how the last try ended. */
const printingOrder = [15, 7, ...flagNames.keys()].filter((bit, at, all) => all.indexOf(bit) === at);

/** A TCP proxy has noted how each try ended before it gives up. */
export const connectionFlagOrder: readonly number[] = [...flagNames.keys()];

/** The flags as the access log prints them: `URX,UF`, or `-` for none. */
export function formatFlags(flags: number, long = false, order: readonly number[] = printingOrder): string {
  if (flags === 0) return '-';
  let text = '';
  for (const bit of order) {
    if ((flags & (1 << bit)) === 0) continue;
    const name = flagNames[bit]![long ? 1 : 0];
    text = text === '' ? name : `${text},${name}`;
  }
  return text;
}

/** One try at an upstream. */
export interface Attempt {
  /** `ip:port`, or '' where none was chosen. */
  host: string;
  /** The name of that host, as it was resolved or given; '' where it has none. */
  hostname: string;
  /** 0 where it got no connection. */
  connectionId: number;
  /** What the host answered, or 0. */
  status: number;
  /** Flags of this try. */
  flags: number;
  /** Milliseconds since the request began, and how long the try took (-1 while it runs). */
  startMs: number;
  durationMs: number;
}

/** What the configuration says of a virtual host. */
export interface VirtualHostFacts {
  readonly name: string;
  readonly metadata: DynamicMetadata | undefined;
}

/** The facts of one request and its response. Times in milliseconds; moments are relative to `startMs`, -1 where they never came. */
/** What a filter keeps of a request, in the two forms in which logs print it. */
export interface FilterStateObject {
  readonly text: string;
  readonly fields: Json | undefined;
  /** What it is kept of, where it is stated by a configuration. */
  readonly level?: 'connection' | 'request';
}

export class StreamInfo {
  /** Milliseconds since the epoch, with a fraction, when the head's first byte was read. */
  startMs = 0;
  /** The same moment by the clock of `performance.now`. */
  begunMs = 0;
  protocol = 'HTTP/1.1';
  requestHeaders: RequestHeaders | undefined = undefined;
  /** Whether our own answers take gRPC's form, where a filter changed the request's type; undefined: as that says. */
  repliesAsGrpc: boolean | undefined = undefined;
  responseHeaders: ResponseHeaders | undefined = undefined;
  responseTrailers: HeaderMap | undefined = undefined;
  /** 0 where no response was sent. */
  responseCode = 0;
  responseCodeDetails = '';
  /** Whoever answered gave no details: logs print nothing for them. */
  answeredSilently = false;
  /** The body of an answer of our own while its form is made; '' else. */
  localReplyBody = '';
  flags = 0;
  /** It comes from inside, by its address: it may ask for more. */
  internal = false;
  /** A filter took the request for a health check of this proxy. */
  healthCheck = false;
  /** Body bytes; head bytes apart. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Undefined where there was no request, or none went to a host. */
  downstreamBytes: WireBytes | undefined = undefined;
  upstreamBytes: WireBytes | undefined = undefined;

  /** The whole request's body arrived. */
  requestReceivedMs = -1;
  /** First byte of the last try sent, last byte sent, first and last byte of its response. */
  upstreamFirstSentMs = -1;
  upstreamLastSentMs = -1;
  upstreamFirstReceivedMs = -1;
  /** Of its body, where that is asked for. */
  upstreamBodyMs = -1;
  upstreamLastReceivedMs = -1;
  downstreamFirstSentMs = -1;
  /** When all was over. */
  durationMs = -1;
  /** How long the last try waited for a connection. */
  poolReadyMs = -1;
  /** How often a route was looked for, and how long that took, where it is asked for, in milliseconds. */
  routeSearches = 0;
  routeSearchMs = -1;
  /** Of the two connections; undefined where there is none. */
  connectionTimes: ConnectionTimes | undefined = undefined;
  upstreamTimes: ConnectionTimes | undefined = undefined;

  /** There is a route, which has a name or not. */
  routed = false;
  /** Undefined where none has the domain. */
  virtualHost: VirtualHostFacts | undefined = undefined;
  routeName = '';
  /** The cluster that a filter chose for a connection, whatever its proxy says; '' where none did. */
  namedCluster = '';
  /** The cluster that the route chose; '' where there was none. */
  clusterName = '';
  /** The last upstream host tried, `ip:port`; '' where there was none. */
  upstreamHost = '';
  /** The name of that host; '' where it has none. */
  upstreamHostname = '';
  /** Where it is; undefined where there was no host. */
  upstreamLocality: Locality | undefined = undefined;
  upstreamProtocol = '';
  upstreamLocalAddress = '';
  /** What the handshake with the host told; undefined where the connection is not encrypted. */
  upstreamTls: TlsFacts | undefined = undefined;
  upstreamTransportFailureReason = '';
  upstreamConnectionId = 0;
  upstreamAttemptCount = 0;
  /** What the client asked for before the route rewrote it. */
  originalPath = '';

  listenerName = '';
  filterChainName = '';
  /** A number of Envoy's TrafficDirection. */
  listenerDirection = 0;
  /** Where in a request's or a connection's life it is logged. */
  accessLogType = 'DownstreamEnd';
  /** The name that the client asked for by SNI. */
  requestedServerName = '';
  /** Fingerprints of what the client offered, where they are asked for. */
  ja3 = '';
  ja4 = '';
  /** What the handshake with the client told; undefined where the connection is not encrypted. */
  tls: TlsFacts | undefined = undefined;
  statPrefix = '';
  connectionId = 0;
  /** Of connections; requests have `requestId`. */
  streamId = '';
  requestId = '';
  /** A client within asked for a trace, whether or not there is somebody to tell it to. */
  traceForced = false;
  /** Of the request's span, hexadecimal; '' where it is in no trace. */
  traceId = '';
  spanId = '';
  /** `ip:port` of both ends downstream; `downstreamRemoteAddress` honours x-forwarded-for where so configured. */
  downstreamLocalAddress = '';
  downstreamRemoteAddress = '';
  downstreamDirectRemoteAddress = '';
  /** `ip:port` of the connection itself, whatever a proxy before this one tells. */
  downstreamDirectLocalAddress = '';
  /** `ip:port` that the client meant, where that was found out; '' where not. */
  originalDestination = '';
  downstreamTransportFailureReason = '';
  connectionTerminationDetails = '';
  /** Why this proxy closed a connection; '' where it did not. */
  localCloseReason = '';
  upstreamLocalCloseReason = '';
  /** Whether the peer broke a connection off by a reset. */
  clientReset = false;
  hostReset = false;
  /** The place in its chain of the filter that closed a connection; undefined where none did. */
  stoppedByFilter: number | undefined = undefined;

  attempts: Attempt[] = [];

  /** What the configuration states of its way; undefined where it states nothing, or there is no such part. */
  listenerMetadata: DynamicMetadata | undefined = undefined;
  chainMetadata: DynamicMetadata | undefined = undefined;
  routeMetadata: DynamicMetadata | undefined = undefined;
  clusterMetadata: DynamicMetadata | undefined = undefined;
  hostMetadata: DynamicMetadata | undefined = undefined;

  /** The host that a filter asks for; undefined: any. */
  overrideHost: OverrideHost | undefined = undefined;

  /** What filters told of it; undefined where none did. */
  metadata: DynamicMetadata | undefined = undefined;

  /** What filters keep of it for others, by key; undefined where none does. */
  filterState: Map<string, FilterStateObject> | undefined = undefined;

  /** What becomes of the response where the request began anew since it was to get another one; undefined: it stays. */
  responseAdjustment: ((head: ResponseHeaders, info: StreamInfo) => void) | undefined = undefined;

  /** What decides about it; undefined where nobody asked. */
  decisions: Decisions | undefined = undefined;

  setMetadata(namespace: string, fields: JsonObject): void {
    this.metadata ??= new DynamicMetadata();
    this.metadata.add(namespace, fields);
  }

  /** Takes over from the same request's time before it began anew what belongs to its client. */
  continue(before: StreamInfo): void {
    this.startMs = before.startMs;
    this.begunMs = before.begunMs;
    this.requestHeaders = before.requestHeaders;
    this.originalPath = before.requestHeaders?.path ?? '';
    this.internal = before.internal;
    this.requestId = before.requestId;
    this.bytesReceived = before.bytesReceived;
    this.requestReceivedMs = before.requestReceivedMs;
    this.responseAdjustment = before.responseAdjustment;
  }

  hasFlag(bit: number): boolean {
    return (this.flags & bit) !== 0;
  }
}

/** What logs tell of the filter chain that a connection came to. */
export type ChainFacts = Pick<
  StreamInfo,
  'filterChainName' | 'listenerDirection' | 'listenerMetadata' | 'chainMetadata'
>;

/** Called once for each finished request. */
export type StreamObserver = (info: StreamInfo) => void;

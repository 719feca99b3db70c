/** What is known of one request: read by the access log, by the events line and by the stats. */

import type { HeaderMap, RequestHeaders, ResponseHeaders } from './http/headers.ts';
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
  /** What the host answered, or 0. */
  status: number;
  /** Flags of this try. */
  flags: number;
  /** Milliseconds since the request began, and how long the try took (-1 while it runs). */
  startMs: number;
  durationMs: number;
}

/** The facts of one request and its response. Times in milliseconds; moments are relative to `startMs`, -1 where they never came. */
export class StreamInfo {
  /** Milliseconds since the epoch, with a fraction, when the head's first byte was read. */
  startMs = 0;
  protocol = 'HTTP/1.1';
  requestHeaders: RequestHeaders | undefined = undefined;
  responseHeaders: ResponseHeaders | undefined = undefined;
  responseTrailers: HeaderMap | undefined = undefined;
  /** 0 where no response was sent. */
  responseCode = 0;
  responseCodeDetails = '';
  flags = 0;
  /** It comes from inside, by its address: it may ask for more. */
  internal = false;
  /** A filter took the request for a health check of this proxy. */
  healthCheck = false;
  /** Body bytes; head bytes apart. */
  bytesReceived = 0;
  bytesSent = 0;
  requestHeaderBytes = 0;
  responseHeaderBytes = 0;

  /** The whole request's body arrived. */
  requestReceivedMs = -1;
  /** First byte of the last try sent, last byte sent, first and last byte of its response. */
  upstreamFirstSentMs = -1;
  upstreamLastSentMs = -1;
  upstreamFirstReceivedMs = -1;
  upstreamLastReceivedMs = -1;
  downstreamFirstSentMs = -1;
  /** When all was over. */
  durationMs = -1;

  routeName = '';
  /** The cluster that the route chose; '' where there was none. */
  clusterName = '';
  /** The last upstream host tried, `ip:port`; '' where there was none. */
  upstreamHost = '';
  upstreamLocalAddress = '';
  /** What the handshake with the host told; undefined where the connection is not encrypted. */
  upstreamTls: TlsFacts | undefined = undefined;
  upstreamTransportFailureReason = '';
  upstreamConnectionId = 0;
  upstreamAttemptCount = 0;
  /** What the client asked for before the route rewrote it. */
  originalPath = '';

  listenerName = '';
  /** Where in a request's or a connection's life it is logged. */
  accessLogType = 'DownstreamEnd';
  /** The name that the client asked for by SNI. */
  requestedServerName = '';
  /** What the handshake with the client told; undefined where the connection is not encrypted. */
  tls: TlsFacts | undefined = undefined;
  statPrefix = '';
  connectionId = 0;
  streamId = '';
  requestId = '';
  /** `ip:port` of both ends downstream; `downstreamRemoteAddress` honours x-forwarded-for where so configured. */
  downstreamLocalAddress = '';
  downstreamRemoteAddress = '';
  downstreamDirectRemoteAddress = '';
  downstreamTransportFailureReason = '';
  connectionTerminationDetails = '';

  attempts: Attempt[] = [];

  hasFlag(bit: number): boolean {
    return (this.flags & bit) !== 0;
  }
}

/** Called once for each finished request. */
export type StreamObserver = (info: StreamInfo) => void;

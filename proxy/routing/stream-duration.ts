/**
 * How long a stream may take as a whole, by its route and by what a gRPC client asks for.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-maxstreamduration
 */
import type { RouteAction } from '../api/envoy/config/route/v3/route_components_pb.js';
import { milliseconds } from '../duration.ts';
import { formatTimeout, isGrpc, parseTimeout } from '../http/grpc.ts';
import type { RequestHeaders } from '../http/headers.ts';

export interface StreamDuration {
  /** 0: for ever; undefined: what the connection manager says. */
  maximumMs: number | undefined;
  /** The most that a client may ask for, 0 for any time; undefined: what it asks for does not count. */
  grpcMaximumMs: number | undefined;
  /** By how much less than it asks for a client gets. */
  grpcOffsetMs: number;
}

export function streamDuration({ maxStreamDuration }: RouteAction): StreamDuration | undefined {
  if (maxStreamDuration === undefined) return undefined;
  const { maxStreamDuration: maximum, grpcTimeoutHeaderMax, grpcTimeoutHeaderOffset } = maxStreamDuration;
  return {
    maximumMs: maximum && milliseconds(maximum, 0),
    grpcMaximumMs: grpcTimeoutHeaderMax && milliseconds(grpcTimeoutHeaderMax, 0),
    grpcOffsetMs: milliseconds(grpcTimeoutHeaderOffset, 0),
  };
}

/**
 * The limit for one request; hosts are told of it by `grpc-timeout` where the route has one.
 * @param ofRoute undefined where the route says nothing
 * @param ofManager milliseconds; 0: for ever
 * @returns milliseconds; undefined: for ever
 */
export function limitDuration(
  head: RequestHeaders,
  ofRoute: StreamDuration | undefined,
  ofManager: number,
): number | undefined {
  const limit = limitFor(head, ofRoute, ofManager);
  if (ofRoute === undefined || !isGrpc(head)) return limit;
  if (limit !== undefined) head.set('grpc-timeout', formatTimeout(limit));
  // What nobody can read is passed on.
  else if (ofRoute.grpcMaximumMs === undefined) head.remove('grpc-timeout');
  return limit;
}

function limitFor(head: RequestHeaders, ofRoute: StreamDuration | undefined, ofManager: number): number | undefined {
  const { maximumMs, grpcMaximumMs, grpcOffsetMs = 0 } = ofRoute ?? {};
  const asked = grpcMaximumMs === undefined ? undefined : parseTimeout(head.get('grpc-timeout'));
  if (asked === undefined) return (maximumMs ?? ofManager) || undefined;
  const granted = grpcMaximumMs ? Math.min(asked, grpcMaximumMs) : asked;
  return Math.max(0, granted - grpcOffsetMs);
}

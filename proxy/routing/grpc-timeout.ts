/**
 * How long gRPC calls may take by what their clients ask for: the older way, without `max_stream_duration`.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto (max_grpc_timeout)
 */
import type { RouteAction } from '../api/envoy/config/route/v3/route_components_pb.js';
import { milliseconds } from '../duration.ts';
import { isGrpc, parseTimeout } from '../http/grpc.ts';
import type { RequestHeaders } from '../http/headers.ts';

export interface GrpcTimeout {
  /** The most that a client may ask for; 0: any time. */
  maximumMs: number;
  /** By how much less than it asks for a client gets, where that leaves anything. */
  offsetMs: number;
}

export function grpcTimeout({ maxGrpcTimeout, grpcTimeoutOffset }: RouteAction): GrpcTimeout | undefined {
  if (maxGrpcTimeout === undefined) return undefined;
  return { maximumMs: milliseconds(maxGrpcTimeout, 0), offsetMs: milliseconds(grpcTimeoutOffset, 0) };
}

/** Milliseconds for this request, 0 for ever; undefined where it is none of gRPC, or the route says nothing of these. */
export function grpcTimeoutFor(head: RequestHeaders, limit: GrpcTimeout | undefined): number | undefined {
  if (limit === undefined || !isGrpc(head)) return undefined;
  const { maximumMs, offsetMs } = limit;
  const asked = parseTimeout(head.get('grpc-timeout')) ?? 0;
  const granted = offsetMs < asked ? asked - offsetMs : asked;
  const isWithin = granted > 0 && granted <= maximumMs;
  return maximumMs === 0 || isWithin ? granted : maximumMs;
}

/** One gRPC call, as a service's method sees it. */
import type { JsonObject } from '@bufbuild/protobuf';
import { grpcStatus } from '../../proxy/grpc/status.ts';

/** Ends a call with a status that is not OK. */
export class GrpcError extends Error {
  readonly code = 'grpc';
  /** 1 to 16. */
  readonly status: number;
  constructor(name: Exclude<keyof typeof grpcStatus, 'OK'>, message: string) {
    super(message);
    this.status = grpcStatus[name];
  }
}

export interface Call {
  /** What it was called with, names in lower case. */
  headers: readonly [string, string][];
  /** Aborted when the caller left. */
  signal: AbortSignal;
}

/** A method: takes requests and gives replies, as protobuf's JSON. @throws GrpcError to end with another status */
export type Method = (requests: AsyncIterable<JsonObject>, call: Call) => AsyncIterable<JsonObject>;

/** The value of a header; undefined where it is not there. */
export function headerOf(call: Call, name: string): string | undefined {
  return call.headers.find(([one]) => one === name)?.[1];
}

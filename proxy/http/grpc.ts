/** What we answer by ourselves to gRPC requests: always 200, the error stands in headers. */
import type { RequestHeaders, ResponseHeaders } from './headers.ts';

const contentType = 'application/grpc';

/** gRPC's codes for the statuses of HTTP; all others are UNKNOWN (2). */
const codes = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);

/** The statuses of HTTP for gRPC's codes, from 0; whatever else is said is an error of the server. */
const statuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/**
 * The status of HTTP that a `grpc-status` stands for.
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
 */
export function httpStatusOf(grpcStatus: string): number {
  return (/^\d+$/.test(grpcStatus) ? statuses[Number(grpcStatus)] : undefined) ?? 500;
}

/** Whether a request is gRPC, by its content type. */
export function isGrpc(head: RequestHeaders | undefined): boolean {
  const type = head?.get('content-type');
  return (
    type?.startsWith(contentType) === true &&
    (type.length === contentType.length || type.at(contentType.length) === '+')
  );
}

/** Turns a reply into gRPC's form. */
export function toGrpcReply(head: ResponseHeaders, body: string): void {
  const code = codes.get(head.status) ?? 2;
  head.status = 200;
  head.set('content-type', contentType);
  // A status that was said already stands where the other would.
  const said = head.get('grpc-status');
  head.remove('grpc-status');
  head.add('grpc-status', said ?? String(code));
  if (body !== '') head.set('grpc-message', percentEncode(body));
  head.remove('content-length');
}

/** As gRPC wants it: all but printable ASCII, and the percent sign itself. */
function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

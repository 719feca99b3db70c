/** What we answer by ourselves to gRPC requests: always 200, the error stands in headers. */
import type { HeaderMap, ResponseHeaders } from './headers.ts';

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

/** gRPC's code for a status of HTTP. */
export function codeOf(status: number): number {
  return codes.get(status) ?? 2;
}

/** Whether a request is gRPC, by its content type. */
export function isGrpc(head: HeaderMap | undefined): boolean {
  const type = head?.get('content-type');
  return (
    type?.startsWith(contentType) === true &&
    (type.length === contentType.length || type.at(contentType.length) === '+')
  );
}

/** Turns a reply into gRPC's form. */
export function toGrpcReply(head: ResponseHeaders, body: string): void {
  const code = codeOf(head.status);
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
export function percentEncode(text: string): string {
  return text.replace(/[^ -$&-~]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The other way round; what is no code stays as it is. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };
/** Milliseconds that may stand in one number of eight digits. */
const mostMs = 99_999_999;

/** The milliseconds of a `grpc-timeout`, rounded up; undefined where there is none that can be read. */
export function parseTimeout(text: string | undefined): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Math.ceil(Number(digits) * unitMs[unit!]!);
}

/** Milliseconds as a `grpc-timeout`. */
export function formatTimeout(timeoutMs: number): string {
  return timeoutMs <= mostMs ? `${timeoutMs}m` : `${Math.min(mostMs, Math.floor(timeoutMs / 1000))}S`;
}

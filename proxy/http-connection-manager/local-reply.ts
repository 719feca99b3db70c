/** How answers of our own look. */
import { isGrpc, toGrpcReply } from '../http/grpc.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';

/**
 * Completes the head of an answer for its request: as gRPC to a gRPC client, with length and type where a body follows.
 * @returns the body that follows, or ''
 */
export function completeLocalReply(head: ResponseHeaders, body: string, request: RequestHeaders | undefined): string {
  const forHead = request?.method === 'HEAD';
  if (isGrpc(request)) {
    toGrpcReply(head, forHead ? '' : body);
    return '';
  }
  if (body === '') return '';
  head.set('content-length', String(body.length));
  if (!head.has('content-type')) head.add('content-type', 'text/plain');
  return forHead ? '' : body;
}

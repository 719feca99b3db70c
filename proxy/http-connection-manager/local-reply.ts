/** How answers of our own look. */
import { isGrpc, toGrpcReply } from '../http/grpc.ts';
import type { ResponseHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { ReplyMapping } from './reply-mapping.ts';

/**
 * Completes the head of an answer for its request: as gRPC to a gRPC client, with length and type where a body follows.
 * @param mapping what the configuration makes of it first
 * @returns the body that follows, or ''
 */
export function completeLocalReply(
  head: ResponseHeaders,
  body: string,
  info: StreamInfo,
  mapping?: ReplyMapping,
): string {
  const typeBefore = head.get('content-type');
  const mapped = mapping?.apply(head, body, info);
  const text = mapped?.text ?? body;
  const request = info.requestHeaders;
  const forHead = request?.method === 'HEAD';
  if (info.repliesAsGrpc ?? isGrpc(request)) {
    toGrpcReply(head, forHead ? '' : mapped?.contentType === 'application/json' ? text.trimEnd() : text);
    return '';
  }
  if (text === '') {
    if (mapped !== undefined) head.remove('content-type');
    return '';
  }
  head.set('content-length', String(text.length));
  // A type that was stated for the body as it was is wrong for another one.
  const type = head.get('content-type');
  if (type === undefined || (text !== body && type === typeBefore))
    head.set('content-type', mapped?.contentType ?? 'text/plain');
  return forHead ? '' : text;
}

/** What a span tells, in Envoy's words. */
import type { Cluster } from '../cluster/cluster.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import { formatFlags, type StreamInfo } from '../stream-info.ts';
import type { Tag } from './custom-tags.ts';
import type { Span } from './span.ts';

/** Tags of what a client asked for and how it was answered. */
export function tagRequest(span: Span, info: StreamInfo, maxPathLength: number): void {
  const { tags } = span;
  const head = info.requestHeaders;
  if (head !== undefined) tagHead(span, head, maxPathLength);
  tags.set('http.protocol', info.protocol);
  tags.set('peer.address', info.downstreamDirectRemoteAddress.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  tags.set('request_size', String(info.bytesReceived));
  tags.set('response_size', String(info.bytesSent));
}

function tagHead({ tags }: Span, head: RequestHeaders, maxPathLength: number): void {
  const copy = (name: string, from: string, byDefault?: string): void => {
    const value = head.get(from) ?? byDefault;
    if (value !== undefined) tags.set(name, value);
  };
  copy('guid:x-request-id', 'x-request-id');
  const path = (head.get('x-envoy-original-path') ?? head.path).slice(0, maxPathLength);
  tags.set('http.url', `${head.get('x-forwarded-proto') ?? ''}://${head.authority}${path}`);
  tags.set('http.method', head.method);
  copy('downstream_cluster', 'x-envoy-downstream-service-cluster', '-');
  copy('user_agent', 'user-agent', '-');
  copy('guid:x-client-trace-id', 'x-client-trace-id');
  if (!isGrpc(head)) return;
  tags.set('grpc.path', head.path);
  tags.set('grpc.authority', head.authority);
  copy('grpc.content_type', 'content-type');
  copy('grpc.timeout', 'grpc-timeout');
}

/** How something ended. */
export interface Outcome {
  /** 0: there was no answer. */
  status: number;
  flags: number;
  /** Undefined: it never came to one. */
  cluster: Cluster | undefined;
}

/** Tags of every span, the configuration's own last: they go before the others. */
export function tagOutcome(
  { tags }: Span,
  { status, flags, cluster }: Outcome,
  custom: readonly (readonly Tag[])[],
  info: StreamInfo,
): void {
  tags.set('component', 'proxy');
  if (cluster !== undefined) {
    tags.set('upstream_cluster', cluster.name);
    tags.set('upstream_cluster.name', cluster.observabilityName);
  }
  tags.set('http.status_code', String(status));
  tags.set('response_flags', formatFlags(flags));
  if (status === 0 || status >= 500) tags.set('error', 'true');
  for (const own of custom) {
    for (const { name, value } of own) {
      const said = value(info);
      if (said !== undefined) tags.set(name, said);
    }
  }
}

/** Of these gRPC says that the service is to blame: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const grpcErrors = new Set(['2', '4', '12', '13', '14', '15']);

/** @param headers where the status stands, if there is one */
export function tagGrpcStatus({ tags }: Span, headers: HeaderMap | undefined): void {
  const status = headers?.get('grpc-status');
  if (headers === undefined || status === undefined) return;
  tags.set('grpc.status_code', status);
  const message = headers.get('grpc-message');
  if (message !== undefined) tags.set('grpc.message', message);
  if (grpcErrors.has(status)) tags.set('error', 'true');
}

/** Notes when something happened, where it did: -1 is never. */
export function noteTimes(span: Span, startMs: number, times: readonly (readonly [name: string, ms: number])[]): void {
  for (const [name, ms] of times) if (ms >= 0) span.events.push({ name, atMs: startMs + ms });
}

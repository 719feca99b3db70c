/**
 * Entries of access logs as messages for a service.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/data/accesslog/v3/accesslog.proto
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { writeMessage, writeText } from '../grpc/wire.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import type { Tag } from '../tracing/custom-tags.ts';
import {
  writeAddress,
  writeBytesAsText,
  writeEntry,
  writeNumber,
  writeStruct,
  writeTime,
  writeWrapped,
} from './grpc-fields.ts';
import { writeTlsProperties } from './grpc-tls-properties.ts';

/** What is told beside what always is; names in lower case. */
export interface EntryOptions {
  tags: readonly Tag[];
  requestHeaders: readonly string[];
  responseHeaders: readonly string[];
  responseTrailers: readonly string[];
}

const logTypes = new Map([
  ['TcpUpstreamConnected', 1],
  ['TcpPeriodic', 2],
  ['TcpConnectionEnd', 3],
  ['DownstreamStart', 4],
  ['DownstreamPeriodic', 5],
  ['DownstreamEnd', 6],
  ['DownstreamTunnelSuccessfullyEstablished', 10],
]);
const endTypes = new Set(['TcpConnectionEnd', 'DownstreamEnd', 'NotSet']);

/** The fields of `ResponseFlags`, by the flags. */
const flagFields: readonly (readonly [flag: number, field: number])[] = [
  [flag.FAILED_LOCAL_HEALTH_CHECK, 1],
  [flag.NO_HEALTHY_UPSTREAM, 2],
  [flag.UPSTREAM_REQUEST_TIMEOUT, 3],
  [flag.LOCAL_RESET, 4],
  [flag.UPSTREAM_REMOTE_RESET, 5],
  [flag.UPSTREAM_CONNECTION_FAILURE, 6],
  [flag.UPSTREAM_CONNECTION_TERMINATION, 7],
  [flag.UPSTREAM_OVERFLOW, 8],
  [flag.NO_ROUTE_FOUND, 9],
  [flag.DELAY_INJECTED, 10],
  [flag.FAULT_INJECTED, 11],
  [flag.RATE_LIMITED, 12],
  [flag.RATE_LIMIT_SERVICE_ERROR, 14],
  [flag.DOWNSTREAM_CONNECTION_TERMINATION, 15],
  [flag.UPSTREAM_RETRY_LIMIT_EXCEEDED, 16],
  [flag.STREAM_IDLE_TIMEOUT, 17],
  [flag.INVALID_ENVOY_REQUEST_HEADERS, 18],
  [flag.DOWNSTREAM_PROTOCOL_ERROR, 19],
  [flag.UPSTREAM_MAX_STREAM_DURATION_REACHED, 20],
  [flag.RESPONSE_FROM_CACHE_FILTER, 21],
  [flag.NO_FILTER_CONFIG_FOUND, 22],
  [flag.DURATION_TIMEOUT, 23],
  [flag.UPSTREAM_PROTOCOL_ERROR, 24],
  [flag.NO_CLUSTER_FOUND, 25],
  [flag.OVERLOAD_MANAGER, 26],
  [flag.DNS_RESOLUTION_FAILED, 27],
  [flag.DOWNSTREAM_REMOTE_RESET, 28],
];

/** A `TCPAccessLogEntry`. */
export function encodeTcpEntry(info: StreamInfo, options: EntryOptions): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, 1, () => writeCommon(writer, info, options));
  writeMessage(writer, 2, () => {
    writeNumber(writer, 1, info.bytesReceived);
    writeNumber(writer, 2, info.bytesSent);
  });
  return writer.finish();
}

const versions = new Map([
  ['HTTP/1.1', 2],
  ['HTTP/2', 3],
]);

/** An `HTTPAccessLogEntry`. */
export function encodeHttpEntry(info: StreamInfo, options: EntryOptions): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, 1, () => writeCommon(writer, info, options));
  writeNumber(writer, 2, versions.get(info.protocol) ?? 0);
  writeMessage(writer, 3, () => writeRequest(writer, info, options));
  writeMessage(writer, 4, () => writeResponse(writer, info, options));
  return writer.finish();
}

function writeCommon(writer: BinaryWriter, info: StreamInfo, { tags }: EntryOptions): void {
  const ended = endTypes.has(info.accessLogType);
  writeAddress(writer, 2, info.downstreamRemoteAddress);
  writeAddress(writer, 3, info.downstreamLocalAddress);
  if (info.tls !== undefined) writeTlsProperties(writer, 4, info.tls, info);
  writeTime(writer, 5, info.startMs);
  writeTime(writer, 6, info.requestReceivedMs);
  writeTime(writer, 7, info.upstreamFirstSentMs);
  writeTime(writer, 8, info.upstreamLastSentMs);
  writeTime(writer, 9, info.upstreamFirstReceivedMs);
  writeTime(writer, 10, info.upstreamLastReceivedMs);
  writeTime(writer, 11, info.downstreamFirstSentMs);
  if (ended && info.downstreamFirstSentMs >= 0) writeTime(writer, 12, info.durationMs);
  writeAddress(writer, 13, info.upstreamHost);
  writeAddress(writer, 14, info.upstreamLocalAddress);
  if (!info.hasFlag(flag.NO_CLUSTER_FOUND)) writeText(writer, 15, info.clusterName);
  if (info.flags !== 0) writeMessage(writer, 16, () => writeFlags(writer, info));
  if (info.metadata !== undefined) writeMessage(writer, 17, () => writeMetadata(writer, info));
  writeText(writer, 18, info.upstreamTransportFailureReason);
  writeText(writer, 19, info.routeName);
  writeAddress(writer, 20, info.downstreamDirectRemoteAddress);
  for (const { name, value } of tags) {
    const text = value(info);
    if (text !== undefined) writeEntry(writer, 22, name, text);
  }
  if (ended) writeTime(writer, 23, info.durationMs);
  writeNumber(writer, 24, info.upstreamAttemptCount);
  writeText(writer, 25, info.connectionTerminationDetails);
  writeText(writer, 26, info.streamId || info.requestId);
  writeNumber(writer, 27, ended ? 0 : 1);
  writeText(writer, 28, info.downstreamTransportFailureReason);
  writeNumber(writer, 29, info.downstreamBytes?.sent ?? 0);
  writeNumber(writer, 30, info.downstreamBytes?.received ?? 0);
  writeNumber(writer, 31, info.upstreamBytes?.sent ?? 0);
  writeNumber(writer, 32, info.upstreamBytes?.received ?? 0);
  writeNumber(writer, 33, logTypes.get(info.accessLogType) ?? 0);
}

function writeFlags(writer: BinaryWriter, info: StreamInfo): void {
  for (const [bit, field] of flagFields) if (info.hasFlag(bit)) writeNumber(writer, field, 1);
  // The reason of an Unauthorized: EXTERNAL_SERVICE.
  if (info.hasFlag(flag.UNAUTHORIZED_EXTERNAL_SERVICE)) writeMessage(writer, 13, () => writeNumber(writer, 1, 1));
}

function writeMetadata(writer: BinaryWriter, info: StreamInfo): void {
  for (const [namespace, fields] of info.metadata!.namespaces())
    writeMessage(writer, 1, () => {
      writeText(writer, 1, namespace);
      writeStruct(writer, 2, fields);
    });
}

const methods = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

function writeRequest(writer: BinaryWriter, info: StreamInfo, { requestHeaders }: EntryOptions): void {
  const head = info.requestHeaders;
  if (head !== undefined) {
    writeNumber(writer, 1, Math.max(0, methods.indexOf(head.method)));
    writeBytesAsText(writer, 2, head.scheme);
    writeBytesAsText(writer, 3, head.authority);
    writeBytesAsText(writer, 5, head.path);
    writeBytesAsText(writer, 6, head.get('user-agent'));
    writeBytesAsText(writer, 7, head.get('referer'));
    writeBytesAsText(writer, 8, head.get('x-forwarded-for'));
    writeBytesAsText(writer, 9, head.get('x-request-id'));
    writeBytesAsText(writer, 10, head.get('x-envoy-original-path'));
    writeNumber(writer, 11, head.byteSize());
  }
  writeNumber(writer, 12, info.bytesReceived);
  writeHeaders(writer, 13, requestHeaders, head);
  writeNumber(writer, 14, info.upstreamBytes?.headersSent ?? 0);
  writeNumber(writer, 15, info.downstreamBytes?.headersReceived ?? 0);
}

function writeResponse(writer: BinaryWriter, info: StreamInfo, options: EntryOptions): void {
  if (info.responseCode > 0) writeWrapped(writer, 1, info.responseCode);
  writeNumber(writer, 2, info.responseHeaders?.byteSize() ?? 0);
  writeNumber(writer, 3, info.bytesSent);
  writeHeaders(writer, 4, options.responseHeaders, info.responseHeaders);
  for (const name of options.responseTrailers) {
    const value = info.responseTrailers?.getAll(name);
    if (value !== undefined) writeEntry(writer, 5, name, value);
  }
  writeText(writer, 6, info.responseCodeDetails);
  writeNumber(writer, 7, info.upstreamBytes?.headersReceived ?? 0);
  writeNumber(writer, 8, info.downstreamBytes?.headersSent ?? 0);
}

function writeHeaders(
  writer: BinaryWriter,
  field: number,
  names: readonly string[],
  head: RequestHeaders | ResponseHeaders | undefined,
): void {
  for (const name of names) {
    const value = head?.lookup(name);
    if (value !== undefined) writeEntry(writer, field, name, value);
  }
}

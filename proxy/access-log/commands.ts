/** The operators of access log formats, `%NAME(ARGUMENT):LENGTH%`: a table from the name to what it prints. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { connectionFlagOrder, flag, formatFlags, type StreamInfo } from '../stream-info.ts';
import { addressCommands } from './address-commands.ts';
import { byteCommands } from './byte-commands.ts';
import { celCommands } from './cel-commands.ts';
import { coalesce } from './coalesce-command.ts';
import { type Command, type Compiler, FormatError, type Formatters, number, span, text } from './command.ts';
import { connectionCommands } from './connection-commands.ts';
import { commonDuration } from './duration-command.ts';
import { grpcCommands } from './grpc-commands.ts';
import { headerCommands } from './header-commands.ts';
import { metadataCommands } from './metadata-commands.ts';
import { pathCommands } from './path-commands.ts';
import { requestedServerName } from './server-name-command.ts';
import { checkSyntax } from './syntax.ts';
import { compileTime } from './time-format.ts';
import { tlsCommands } from './tls-commands.ts';
import { upstreamCommands } from './upstream-commands.ts';
import { xfccValue } from './xfcc-command.ts';

const between = (from: number, to: number) => (from < 0 || to < 0 ? -1 : to - from);

const detailsOf = (info: StreamInfo): string | undefined =>
  info.responseCodeDetails || (info.answeredSilently ? '' : undefined);

const responseDetails: Compiler = argument => {
  if (argument === 'ALLOW_WHITESPACES') return detailsOf;
  return info => detailsOf(info)?.replace(/[ \t\r\n]/g, '_');
};

const environment: Compiler = argument => {
  const value = process.env[argument!];
  return () => value;
};

const startTime: Compiler = argument => {
  const format = compileTime(argument);
  return info => format(info.startMs);
};

const startTimeLocal: Compiler = argument => {
  const format = compileTime(argument, true);
  return info => format(info.startMs);
};

const emitTimeLocal: Compiler = argument => {
  const format = compileTime(argument, true);
  return () => format(Date.now());
};

const emitTime: Compiler = argument => {
  const format = compileTime(argument);
  return () => format(Date.now());
};

const flagOrder = ({ accessLogType: type }: StreamInfo) =>
  type === 'TcpConnectionEnd' || type === 'NotSet' ? connectionFlagOrder : undefined;

/** A cluster that does not exist has no name. */
const clusterOf = (info: StreamInfo) => (info.hasFlag(flag.NO_CLUSTER_FOUND) ? '' : info.clusterName);

const nothing: Compiler = () => () => undefined;

/** Texts as JSON, as protobuf writes it; other values are printed so anyway. */
const quoted = (value: ReturnType<Command>): ReturnType<Command> =>
  typeof value === 'string' ? JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e') : value;

/** `KEY:FORM:FIELD`. */
const filterState: Compiler = (argument = '') => {
  const [key, form = '', field = ''] = argument.split(':');
  if (!key) throw new FormatError('Invalid filter state configuration, key cannot be empty.');
  if (!['', 'PLAIN', 'TYPED', 'FIELD'].includes(form))
    throw new FormatError('Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.');
  if ((form === 'FIELD') !== (field !== ''))
    throw new FormatError('Invalid filter state serialize type, FIELD should be used with the field name.');
  // Nothing that is kept here can be asked for a field.
  if (form === 'FIELD') return () => undefined;
  if (form === 'PLAIN') return info => info.filterState?.get(key)?.text;
  const fields: Command = info => info.filterState?.get(key)?.fields;
  return Object.assign(fields, { inText: (info: StreamInfo) => quoted(fields(info)) });
};

const compilers: Record<string, Compiler> = {
  START_TIME: startTime,
  EMIT_TIME: emitTime,
  START_TIME_LOCAL: startTimeLocal,
  EMIT_TIME_LOCAL: emitTimeLocal,
  PROTOCOL: text(info => info.protocol),
  RESPONSE_CODE: number(info => info.responseCode),
  RESPONSE_CODE_DETAILS: responseDetails,
  LOCAL_REPLY_BODY: () => info => info.localReplyBody,
  CONNECTION_TERMINATION_DETAILS: text(info => info.connectionTerminationDetails),
  RESPONSE_FLAGS: () => info => formatFlags(info.flags, false, flagOrder(info)),
  RESPONSE_FLAGS_LONG: () => info => formatFlags(info.flags, true, flagOrder(info)),
  BYTES_RECEIVED: number(info => info.bytesReceived),
  BYTES_SENT: number(info => info.bytesSent),
  REQUEST_HEADERS_BYTES: number(info => info.requestHeaders?.byteSize() ?? 0),
  RESPONSE_HEADERS_BYTES: number(info => info.responseHeaders?.byteSize() ?? 0),
  RESPONSE_TRAILERS_BYTES: number(info => info.responseTrailers?.byteSize() ?? 0),
  ...byteCommands,
  DURATION: span(info => info.durationMs),
  REQUEST_DURATION: span(info => info.requestReceivedMs),
  REQUEST_TX_DURATION: span(info => info.upstreamLastSentMs),
  RESPONSE_DURATION: span(info => info.upstreamFirstReceivedMs),
  RESPONSE_TX_DURATION: span(info => between(info.upstreamFirstReceivedMs, info.durationMs)),
  ...headerCommands,
  XFCC_VALUE: xfccValue,
  ...pathCommands,
  ...grpcCommands,
  ...upstreamCommands,
  COMMON_DURATION: commonDuration,
  ROUTE_NAME: text(info => info.routeName),
  UPSTREAM_CLUSTER: text(clusterOf),
  UPSTREAM_CLUSTER_RAW: text(clusterOf),
  UPSTREAM_HOST: text(info => info.upstreamHost),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: number(info => info.upstreamAttemptCount),
  UPSTREAM_TRANSPORT_FAILURE_REASON: text(info => info.upstreamTransportFailureReason.replaceAll(' ', '_')),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: text(info => info.downstreamTransportFailureReason.replaceAll(' ', '_')),
  ...addressCommands,
  REQUESTED_SERVER_NAME: requestedServerName,
  ...tlsCommands,
  ...connectionCommands,
  TRACE_ID: text(info => info.traceId),
  SPAN_ID: text(info => info.spanId),
  LISTENER_NAME: text(info => info.listenerName),
  UNIQUE_ID: () => () => randomUUID(),
  // Nothing sets any.
  CUSTOM_FLAGS: () => () => '',
  FILTER_STATE: filterState,
  UPSTREAM_FILTER_STATE: (argument?: string) => {
    filterState(argument);
    return () => undefined;
  },
  VIRTUAL_CLUSTER_NAME: nothing,
  STREAM_ID: text(info => info.streamId || info.requestId),
  HOSTNAME: text(() => hostname()),
  ...metadataCommands,
  ...celCommands,
  COALESCE: coalesce((name, argument, length) => compileCommand(name, argument, length)),
  FILTER_CHAIN_NAME: text(info => info.filterChainName),
  // Of QUIC alone.
  ROUNDTRIP_DURATION: nothing,
  BYTES_RETRANSMITTED: number(() => 0),
  PACKETS_RETRANSMITTED: number(() => 0),
  ENVIRONMENT: environment,
  ACCESS_LOG_TYPE: text(info => info.accessLogType),
};

const noFormatters: Formatters = new Map();

/**
 * Finds and compiles a command.
 * @param hasLength whether what it prints is to be cut off
 * @param formatters operators that extensions add: they come before those of the same names
 * @throws FormatError
 */
export function compileCommand(
  name: string,
  argument: string | undefined,
  hasLength = false,
  formatters: Formatters = noFormatters,
): Command {
  const compiler = formatters.get(name) ?? compilers[name];
  if (!compiler) throw new FormatError(`Not supported field in StreamInfo: ${name}`);
  if (!formatters.has(name)) checkSyntax(name, argument, hasLength);
  return compiler(argument);
}

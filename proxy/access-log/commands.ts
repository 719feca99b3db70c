/** The operators of access log formats, `%NAME(ARGUMENT):LENGTH%`: a table from the name to what it prints. */
import { hostname } from 'node:os';
import { connectionFlagOrder, flag, formatFlags, type StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { NameKind } from '../tls/subject-alt-names.ts';
import { compileTime } from './time-format.ts';

/** What a command finds for one request; undefined prints as `-`, and as null in JSON. */
export type Command = (info: StreamInfo) => string | number | undefined;

/** Turns a command's argument into the command. Throws FormatError on a bad one. */
type Compiler = (argument: string | undefined) => Command;

/** A format that cannot be used. */
export class FormatError extends Error {
  readonly code = 'BAD_FORMAT';
}

const text = (read: (info: StreamInfo) => string): Compiler => {
  const command: Command = info => read(info) || undefined;
  return () => command;
};

const number =
  (read: (info: StreamInfo) => number): Compiler =>
  () =>
    read;

/** A time span; -1 where it never ended. */
const span = (read: (info: StreamInfo) => number): Compiler => {
  const command: Command = info => {
    const value = read(info);
    return value < 0 ? undefined : Math.floor(value);
  };
  return () => command;
};

const between = (from: number, to: number) => (from < 0 || to < 0 ? -1 : to - from);

const responseDetails: Compiler = argument => {
  if (argument === 'ALLOW_WHITESPACES') return info => info.responseCodeDetails || undefined;
  return info => info.responseCodeDetails.replace(/[ \t\r\n]/g, '_') || undefined;
};

/** `X?Y`: the header X, or Y where there is no X. */
const header =
  (lookup: (info: StreamInfo, name: string) => string | undefined): Compiler =>
  argument => {
    if (argument === undefined || argument === '')
      throw new FormatError('Invalid header configuration. Format string contains no header name');
    const [main = '', alternative, ...rest] = argument.toLowerCase().split('?');
    if (rest.length > 0) throw new FormatError('More than 1 alternative header specified in token: '.concat(argument));
    if (alternative === undefined) return info => lookup(info, main);
    return info => lookup(info, main) ?? lookup(info, alternative);
  };

const queryParameter: Compiler = argument => {
  if (!argument) throw new FormatError('QUERY_PARAM requires parameters');
  return info => {
    const path = info.requestHeaders?.path ?? '';
    const query = path.indexOf('?');
    return query < 0 ? undefined : (new URLSearchParams(path.slice(query + 1)).get(argument) ?? undefined);
  };
};

const environment: Compiler = argument => {
  if (!argument) throw new FormatError('Expected parameter for ENVIRONMENT');
  const value = process.env[argument];
  return () => value;
};

const startTime: Compiler = argument => {
  const format = compileTime(argument);
  return info => format(info.startMs);
};

const emitTime: Compiler = argument => {
  const format = compileTime(argument);
  return () => format(Date.now());
};

/** One of the certificates of a request's two connections. */
type CertificateOf = (info: StreamInfo) => Certificate | undefined;

const clientCertificate: CertificateOf = ({ tls }) => tls?.peer;
const localCertificate: CertificateOf = ({ tls }) => tls?.local;
const hostCertificate: CertificateOf = ({ upstreamTls }) => upstreamTls?.peer;

/** What a certificate says of itself; nothing where none was shown. */
const certificate =
  (of: CertificateOf, read: (certificate: Certificate) => string): Compiler =>
  () =>
  info => {
    const found = of(info);
    return (found && read(found)) || undefined;
  };

const certificateTime =
  (of: CertificateOf, read: (certificate: Certificate) => Date): Compiler =>
  argument => {
    const format = compileTime(argument);
    return info => {
      const found = of(info);
      return found && format(read(found).getTime());
    };
  };

/** `…_URI_SAN`, `…_DNS_SAN` and `…_IP_SAN` of one certificate. */
function nameCommands(prefix: string, of: CertificateOf): Record<string, Compiler> {
  const names = (kind: NameKind) => certificate(of, found => found.namesOf(kind).join(','));
  return {
    [`${prefix}_URI_SAN`]: names('uri'),
    [`${prefix}_DNS_SAN`]: names('dns'),
    [`${prefix}_IP_SAN`]: names('ip'),
  };
}

const flagOrder = (info: StreamInfo) => (info.accessLogType === 'TcpConnectionEnd' ? connectionFlagOrder : undefined);

/** A cluster that does not exist has no name. */
const clusterOf = (info: StreamInfo) => (info.hasFlag(flag.NO_CLUSTER_FOUND) ? '' : info.clusterName);
const ip = (address: string) => address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
const port = (address: string) => address.slice(address.lastIndexOf(':') + 1);

/** `NAME`, `NAME_WITHOUT_PORT` and `…_PORT` of one address. */
function addressCommands(name: string, read: (info: StreamInfo) => string): Record<string, Compiler> {
  return {
    [`${name}_ADDRESS`]: text(read),
    [`${name}_ADDRESS_WITHOUT_PORT`]: text(info => ip(read(info))),
    [`${name}_PORT`]: text(info => port(read(info))),
  };
}

const compilers: Record<string, Compiler> = {
  START_TIME: startTime,
  EMIT_TIME: emitTime,
  PROTOCOL: text(info => info.protocol),
  RESPONSE_CODE: number(info => info.responseCode),
  RESPONSE_CODE_DETAILS: responseDetails,
  CONNECTION_TERMINATION_DETAILS: text(info => info.connectionTerminationDetails),
  RESPONSE_FLAGS: () => info => formatFlags(info.flags, false, flagOrder(info)),
  RESPONSE_FLAGS_LONG: () => info => formatFlags(info.flags, true, flagOrder(info)),
  BYTES_RECEIVED: number(info => info.bytesReceived),
  BYTES_SENT: number(info => info.bytesSent),
  REQUEST_HEADERS_BYTES: number(info => info.requestHeaderBytes),
  RESPONSE_HEADERS_BYTES: number(info => info.responseHeaderBytes),
  RESPONSE_TRAILERS_BYTES: number(info => info.responseTrailers?.byteSize() ?? 0),
  DURATION: span(info => info.durationMs),
  REQUEST_DURATION: span(info => info.requestReceivedMs),
  REQUEST_TX_DURATION: span(info => info.upstreamLastSentMs),
  RESPONSE_DURATION: span(info => info.upstreamFirstReceivedMs),
  RESPONSE_TX_DURATION: span(info => between(info.upstreamFirstReceivedMs, info.durationMs)),
  DOWNSTREAM_HANDSHAKE_DURATION: span(() => -1),
  REQ: header((info, name) => info.requestHeaders?.lookup(name)),
  RESP: header((info, name) => info.responseHeaders?.lookup(name)),
  TRAILER: header((info, name) => info.responseTrailers?.getAll(name)),
  QUERY_PARAM: queryParameter,
  ROUTE_NAME: text(info => info.routeName),
  UPSTREAM_CLUSTER: text(clusterOf),
  UPSTREAM_CLUSTER_RAW: text(clusterOf),
  UPSTREAM_HOST: text(info => info.upstreamHost),
  UPSTREAM_CONNECTION_ID: text(info => (info.upstreamConnectionId === 0 ? '' : String(info.upstreamConnectionId))),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: number(info => info.upstreamAttemptCount),
  UPSTREAM_TRANSPORT_FAILURE_REASON: text(info => info.upstreamTransportFailureReason.replaceAll(' ', '_')),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: text(info => info.downstreamTransportFailureReason.replaceAll(' ', '_')),
  ...addressCommands('UPSTREAM_REMOTE', info => info.upstreamHost),
  ...addressCommands('UPSTREAM_LOCAL', info => info.upstreamLocalAddress),
  ...addressCommands('DOWNSTREAM_REMOTE', info => info.downstreamRemoteAddress),
  ...addressCommands('DOWNSTREAM_DIRECT_REMOTE', info => info.downstreamDirectRemoteAddress),
  ...addressCommands('DOWNSTREAM_LOCAL', info => info.downstreamLocalAddress),
  REQUESTED_SERVER_NAME: text(info => info.requestedServerName),
  DOWNSTREAM_TLS_VERSION: text(({ tls }) => tls?.version ?? ''),
  DOWNSTREAM_TLS_CIPHER: text(({ tls }) => tls?.cipher ?? ''),
  ...nameCommands('DOWNSTREAM_PEER', clientCertificate),
  ...nameCommands('DOWNSTREAM_LOCAL', localCertificate),
  UPSTREAM_TLS_VERSION: text(({ upstreamTls }) => upstreamTls?.version ?? ''),
  UPSTREAM_TLS_CIPHER: text(({ upstreamTls }) => upstreamTls?.cipher ?? ''),
  ...nameCommands('UPSTREAM_PEER', hostCertificate),
  ...nameCommands('UPSTREAM_LOCAL', ({ upstreamTls }) => upstreamTls?.local),
  UPSTREAM_PEER_SUBJECT: certificate(hostCertificate, ({ subject }) => subject),
  UPSTREAM_PEER_CERT_V_START: certificateTime(hostCertificate, ({ validFrom }) => validFrom),
  UPSTREAM_PEER_CERT_V_END: certificateTime(hostCertificate, ({ validTo }) => validTo),
  UPSTREAM_PEER_ISSUER: certificate(hostCertificate, ({ issuer }) => issuer),
  UPSTREAM_PEER_CERT: certificate(hostCertificate, ({ encodedPem }) => encodedPem),
  DOWNSTREAM_PEER_SUBJECT: certificate(clientCertificate, ({ subject }) => subject),
  DOWNSTREAM_PEER_EMAIL_SAN: certificate(clientCertificate, found => found.namesOf('email').join(',')),
  DOWNSTREAM_LOCAL_SUBJECT: certificate(localCertificate, ({ subject }) => subject),
  DOWNSTREAM_LOCAL_EMAIL_SAN: certificate(localCertificate, found => found.namesOf('email').join(',')),
  DOWNSTREAM_PEER_ISSUER: certificate(clientCertificate, ({ issuer }) => issuer),
  DOWNSTREAM_PEER_SERIAL: certificate(clientCertificate, ({ serial }) => serial),
  DOWNSTREAM_PEER_FINGERPRINT_256: certificate(clientCertificate, ({ fingerprint256 }) => fingerprint256),
  DOWNSTREAM_PEER_FINGERPRINT_1: certificate(clientCertificate, ({ fingerprint1 }) => fingerprint1),
  DOWNSTREAM_PEER_CERT: certificate(clientCertificate, ({ encodedPem }) => encodedPem),
  DOWNSTREAM_PEER_CERT_V_START: certificateTime(clientCertificate, ({ validFrom }) => validFrom),
  DOWNSTREAM_PEER_CERT_V_END: certificateTime(clientCertificate, ({ validTo }) => validTo),
  CONNECTION_ID: number(info => info.connectionId),
  STREAM_ID: text(info => info.streamId),
  HOSTNAME: text(() => hostname()),
  ENVIRONMENT: environment,
  ACCESS_LOG_TYPE: text(info => info.accessLogType),
};

/** Finds and compiles a command. */
export function compileCommand(name: string, argument: string | undefined): Command {
  const compiler = compilers[name];
  if (!compiler) throw new FormatError(`Not supported field in StreamInfo: ${name}`);
  return compiler(argument);
}

/** The connection manager's configuration, parsed once. */

import type { InterimLogOptions } from '../access-log/interim-logs.ts';
import {
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction,
} from '../api/enums.js';
import type { Router } from '../api/envoy/extensions/filters/http/router/v3/router_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import type { HeadLimits } from '../http/codec.ts';
import { type Http1Options, http1Options } from '../http1/options.ts';
import { type Http2Options, http2Options } from '../http2/options.ts';
import { addressTest } from '../net/address-range.ts';
import { asBytes } from '../net/latin1.ts';
import { isPipe } from '../net/pipe.ts';
import type { CodecType } from './first-bytes.ts';
import { type ForwardedCertificate, forwardedCertificate } from './forwarded-certificate.ts';

/** What this proxy calls itself. */
export interface Node {
  cluster: string;
  id: string;
}

export interface ManagerSettings {
  statPrefix: string;
  codecType: CodecType;
  http1: Http1Options;
  http2: Http2Options;
  serverName: string;
  serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  generateRequestId: boolean;
  preserveExternalRequestId: boolean;
  alwaysSetRequestIdInResponse: boolean;
  /** Whether to go on with a body is asked of the host, not of the proxy. */
  passesExpectation: boolean;
  useRemoteAddress: boolean;
  trustedHops: number;
  skipForwardedForAppend: boolean;
  appendForwardedPort: boolean;
  /** Of every request; '': it stays as it came. */
  scheme: string;
  isInternal: (address: string) => boolean;
  via: string;
  /** Undefined: nothing is told of clients' certificates. */
  clientCertificate: ForwardedCertificate | undefined;
  addUserAgent: Node | undefined;
  stripsPort: 'any' | 'listener' | 'none';
  stripTrailingHostDot: boolean;
  escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
  headersWithUnderscores: UnderscoresAction;
  normalizePath: boolean;
  mergeSlashes: boolean;
  streamIdleTimeoutMs: number;
  requestTimeoutMs: number;
  /** For the head of a request alone; 0: any time. */
  requestHeadTimeoutMs: number;
  /** Clients have so long to hear that their connection ends. */
  drainTimeoutMs: number;
  /** For a stream as a whole; 0: for ever. */
  maxStreamDurationMs: number;
  idleTimeoutMs: number;
  maxConnectionDurationMs: number;
  /** 0: any number. */
  maxRequestsPerConnection: number;
  delayedCloseTimeoutMs: number;
  limits: HeadLimits;
  suppressEnvoyHeaders: boolean;
  interimLogs: InterimLogOptions;
}

const serverHeaders = {
  [ServerHeader.OVERWRITE]: 'overwrite',
  [ServerHeader.APPEND_IF_ABSENT]: 'append-if-absent',
  [ServerHeader.PASS_THROUGH]: 'pass-through',
} as const;

const escapedSlashes = {
  [EscapedSlashes.IMPLEMENTATION_SPECIFIC_DEFAULT]: 'keep',
  [EscapedSlashes.KEEP_UNCHANGED]: 'keep',
  [EscapedSlashes.REJECT_REQUEST]: 'reject',
  [EscapedSlashes.UNESCAPE_AND_REDIRECT]: 'redirect',
  [EscapedSlashes.UNESCAPE_AND_FORWARD]: 'forward',
} as const;

const codecTypes: Partial<Record<Codec, CodecType>> = { [Codec.HTTP1]: 'HTTP/1.1', [Codec.HTTP2]: 'HTTP/2' };

const routerType = 'envoy.extensions.filters.http.router.v3.Router';

export function managerSettings(configuration: HttpConnectionManager, node: Node): ManagerSettings {
  const common = configuration.commonHttpProtocolOptions;
  const last = configuration.httpFilters.at(-1);
  const router =
    last?.configType.case === 'typedConfig' ? typedConfig<Router>(last.configType.value, routerType) : undefined;
  return {
    statPrefix: configuration.statPrefix,
    codecType: codecTypes[configuration.codecType] ?? 'auto',
    http1: http1Options(configuration.httpProtocolOptions, configuration.streamErrorOnInvalidHttpMessage),
    http2: http2Options(configuration.http2ProtocolOptions, configuration.streamErrorOnInvalidHttpMessage),
    serverName: asBytes(configuration.serverName) || 'envoy',
    serverHeader: serverHeaders[configuration.serverHeaderTransformation],
    generateRequestId: configuration.generateRequestId ?? true,
    preserveExternalRequestId: configuration.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: configuration.alwaysSetRequestIdInResponse,
    passesExpectation: configuration.proxy100Continue,
    useRemoteAddress: configuration.useRemoteAddress ?? false,
    trustedHops: configuration.xffNumTrustedHops,
    skipForwardedForAppend: configuration.skipXffAppend,
    appendForwardedPort: configuration.appendXForwardedPort,
    scheme: overwrittenScheme(configuration),
    isInternal: internalTest(configuration),
    via: asBytes(configuration.via),
    clientCertificate: forwardedCertificate(configuration),
    addUserAgent: configuration.addUserAgent ? node : undefined,
    stripsPort: stripsPort(configuration),
    stripTrailingHostDot: configuration.stripTrailingHostDot,
    escapedSlashes: escapedSlashes[configuration.pathWithEscapedSlashesAction],
    headersWithUnderscores: common?.headersWithUnderscoresAction ?? UnderscoresAction.ALLOW,
    normalizePath: configuration.normalizePath ?? false,
    mergeSlashes: configuration.mergeSlashes,
    streamIdleTimeoutMs: milliseconds(configuration.streamIdleTimeout, 300_000),
    maxStreamDurationMs: milliseconds(common?.maxStreamDuration, 0),
    requestTimeoutMs: milliseconds(configuration.requestTimeout, 0),
    requestHeadTimeoutMs: milliseconds(configuration.requestHeadersTimeout, 0),
    drainTimeoutMs: milliseconds(configuration.drainTimeout, 5000),
    idleTimeoutMs: milliseconds(common?.idleTimeout, 3_600_000),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: milliseconds(common?.maxConnectionDuration, 0),
    delayedCloseTimeoutMs: milliseconds(configuration.delayedCloseTimeout, 1000),
    limits: {
      maximumBytes: (configuration.maxRequestHeadersKb ?? 60) * 1024,
      maximumHeaders: common?.maxHeadersCount ?? 100,
    },
    suppressEnvoyHeaders: router?.suppressEnvoyHeaders ?? false,
    interimLogs: interimLogOptions(configuration),
  };
}

function overwrittenScheme({ schemeHeaderTransformation }: HttpConnectionManager): string {
  const transformation = schemeHeaderTransformation?.transformation;
  return transformation?.case === 'schemeToOverwrite' ? transformation.value : '';
}

function stripsPort({ stripPortMode, stripMatchingHostPort }: HttpConnectionManager): ManagerSettings['stripsPort'] {
  if (stripPortMode.case === 'stripAnyHostPort' && stripPortMode.value) return 'any';
  return stripMatchingHostPort ? 'listener' : 'none';
}

/** The fields beside the options are deprecated: without them they still hold. */
function interimLogOptions(configuration: HttpConnectionManager): InterimLogOptions {
  const options = configuration.accessLogOptions;
  const { accessLogFlushInterval, flushAccessLogOnNewRequest } = options ?? configuration;
  return {
    atStart: flushAccessLogOnNewRequest,
    intervalMs: milliseconds(accessLogFlushInterval, 0),
    atTunnel: options?.flushLogOnTunnelSuccessfullyEstablished ?? false,
  };
}

/** Of RFC 1918 and RFC 4193, and this machine's own. */
const privateRanges = [
  { addressPrefix: '10.0.0.0', prefixLen: 8 },
  { addressPrefix: '172.16.0.0', prefixLen: 12 },
  { addressPrefix: '192.168.0.0', prefixLen: 16 },
  { addressPrefix: '127.0.0.1', prefixLen: 32 },
  { addressPrefix: 'fc00::', prefixLen: 7 },
  { addressPrefix: '::1', prefixLen: 128 },
];

/** Since Envoy 1.33 no address is internal unless something is said of it; where no ranges are named then, private addresses are. */
function internalTest({ internalAddressConfig: stated }: HttpConnectionManager): (address: string) => boolean {
  if (stated === undefined) return () => false;
  const test = addressTest(stated.cidrRanges.length > 0 ? stated.cidrRanges : privateRanges);
  return stated.unixSockets ? address => isPipe(address) || test(address) : test;
}

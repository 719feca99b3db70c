/** The connection manager's configuration, parsed once. */
import { HttpConnectionManager_ServerHeaderTransformation as ServerHeader } from '../api/enums.js';
import type { Router } from '../api/envoy/extensions/filters/http/router/v3/router_pb.js';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import type { HeadLimits } from '../http/codec.ts';
import { addressTest } from '../net/address-range.ts';
import { type ForwardedCertificate, forwardedCertificate } from './forwarded-certificate.ts';

/** What this proxy calls itself. */
export interface Node {
  cluster: string;
  id: string;
}

export interface ManagerSettings {
  statPrefix: string;
  serverName: string;
  serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  generateRequestId: boolean;
  preserveExternalRequestId: boolean;
  alwaysSetRequestIdInResponse: boolean;
  useRemoteAddress: boolean;
  trustedHops: number;
  skipForwardedForAppend: boolean;
  isInternal: (address: string) => boolean;
  via: string;
  /** Undefined: nothing is told of clients' certificates. */
  clientCertificate: ForwardedCertificate | undefined;
  addUserAgent: Node | undefined;
  stripAnyHostPort: boolean;
  normalizePath: boolean;
  mergeSlashes: boolean;
  streamIdleTimeoutMs: number;
  requestTimeoutMs: number;
  idleTimeoutMs: number;
  maxConnectionDurationMs: number;
  delayedCloseTimeoutMs: number;
  limits: HeadLimits;
  suppressEnvoyHeaders: boolean;
}

const serverHeaders = {
  [ServerHeader.OVERWRITE]: 'overwrite',
  [ServerHeader.APPEND_IF_ABSENT]: 'append-if-absent',
  [ServerHeader.PASS_THROUGH]: 'pass-through',
} as const;

const routerType = 'envoy.extensions.filters.http.router.v3.Router';

export function managerSettings(configuration: HttpConnectionManager, node: Node): ManagerSettings {
  const common = configuration.commonHttpProtocolOptions;
  const last = configuration.httpFilters.at(-1);
  const router =
    last?.configType.case === 'typedConfig' ? typedConfig<Router>(last.configType.value, routerType) : undefined;
  return {
    statPrefix: configuration.statPrefix,
    serverName: configuration.serverName || 'envoy',
    serverHeader: serverHeaders[configuration.serverHeaderTransformation],
    generateRequestId: configuration.generateRequestId ?? true,
    preserveExternalRequestId: configuration.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: configuration.alwaysSetRequestIdInResponse,
    useRemoteAddress: configuration.useRemoteAddress ?? false,
    trustedHops: configuration.xffNumTrustedHops,
    skipForwardedForAppend: configuration.skipXffAppend,
    isInternal: internalTest(configuration),
    via: configuration.via,
    clientCertificate: forwardedCertificate(configuration),
    addUserAgent: configuration.addUserAgent ? node : undefined,
    stripAnyHostPort: configuration.stripPortMode.case === 'stripAnyHostPort' && configuration.stripPortMode.value,
    normalizePath: configuration.normalizePath ?? false,
    mergeSlashes: configuration.mergeSlashes,
    streamIdleTimeoutMs: milliseconds(configuration.streamIdleTimeout, 300_000),
    requestTimeoutMs: milliseconds(configuration.requestTimeout, 0),
    idleTimeoutMs: milliseconds(common?.idleTimeout, 3_600_000),
    maxConnectionDurationMs: milliseconds(common?.maxConnectionDuration, 0),
    delayedCloseTimeoutMs: milliseconds(configuration.delayedCloseTimeout, 1000),
    limits: {
      maximumBytes: (configuration.maxRequestHeadersKb ?? 60) * 1024,
      maximumHeaders: common?.maxHeadersCount ?? 100,
    },
    suppressEnvoyHeaders: router?.suppressEnvoyHeaders ?? false,
  };
}

/** Since Envoy 1.33 no address is internal unless it is named. */
function internalTest(configuration: HttpConnectionManager): (address: string) => boolean {
  return addressTest(configuration.internalAddressConfig?.cidrRanges ?? []);
}

/** The HTTP filters that there are, and how chains of them are compiled. The router is no filter here: it always stands at the end. */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { HttpFilter } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import type { ChainedFilter } from '../http-connection-manager/filter-manager.ts';
import type { FilterConfig } from '../routing/route-context.ts';
import { admissionControl } from './admission-control.ts';
import { bandwidthLimit } from './bandwidth-limit.ts';
import { buffer } from './buffer.ts';
import { compressor } from './compressor.ts';
import { cors } from './cors.ts';
import { customResponse } from './custom-response.ts';
import { decompressor } from './decompressor.ts';
import { extAuthz } from './ext-authz.ts';
import { fault } from './fault.ts';
import type { FilterContext, HttpFilterType, RouteFilterContext } from './filter.ts';
import { grpcHttp1Bridge } from './grpc-http1-bridge.ts';
import { grpcHttp1ReverseBridge } from './grpc-http1-reverse-bridge.ts';
import { grpcStats } from './grpc-stats.ts';
import { grpcWeb } from './grpc-web.ts';
import { headerMutation } from './header-mutation.ts';
import { headerToMetadata } from './header-to-metadata.ts';
import { healthCheck } from './health-check.ts';
import { jwtAuthn } from './jwt-authn.ts';
import { localRateLimit } from './local-rate-limit.ts';
import { onDemand } from './on-demand.ts';
import { rateLimit } from './rate-limit.ts';
import { rbac } from './rbac.ts';
import { setFilterState } from './set-filter-state.ts';
import { setMetadata } from './set-metadata.ts';
import { statefulSession } from './stateful-session.ts';

/** One line for each. */
const filterTypes: readonly HttpFilterType[] = [
  admissionControl,
  bandwidthLimit,
  buffer,
  compressor,
  cors,
  customResponse,
  decompressor,
  extAuthz,
  fault,
  grpcHttp1Bridge,
  grpcHttp1ReverseBridge,
  grpcStats,
  grpcWeb,
  headerMutation,
  headerToMetadata,
  healthCheck,
  jwtAuthn,
  localRateLimit,
  onDemand,
  rateLimit,
  rbac,
  setFilterState,
  setMetadata,
  statefulSession,
];

/** A route's message around a filter's own. */
const wrapperType = 'envoy.config.route.v3.FilterConfig';

/** The filters before the router, in the order of the configuration. */
export function compileChain(filters: readonly HttpFilter[], context: FilterContext): ChainedFilter[] {
  return filters.flatMap(({ name, disabled, configType }, index) => {
    const message = configType.case === 'typedConfig' ? (configType.value as UnpackedAny).message : undefined;
    const type = filterTypes.find(one => one.typeName === message?.$typeName);
    return type === undefined || message === undefined
      ? []
      : [{ name, index, disabled, create: type.compile(message, context) }];
  });
}

/** What a route, or what is around it, says to a filter. */
export function compileFilterConfig(any: Any, context: RouteFilterContext): FilterConfig | undefined {
  const { message } = any as UnpackedAny;
  if (message === undefined) return undefined;
  if (message.$typeName === wrapperType) {
    const { config, disabled } = message as typeof message & { config?: Any; disabled: boolean };
    const inner = config === undefined ? undefined : compileFilterConfig(config, context);
    return { disabled, config: inner?.config };
  }
  const type = filterTypes.find(one => (one.routeTypeName ?? one.typeName) === message.$typeName);
  return { disabled: false, config: type?.compileRoute?.(message, context) };
}

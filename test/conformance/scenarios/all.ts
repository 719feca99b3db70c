import type { Scenario } from '../scenario.ts';
import { accessControl } from './access-control.ts';
import { bothFamilies, changingAddresses, severalAddresses } from './addresses.ts';
import { adminInterface } from './admin.ts';
import { admissionControl } from './admission-control.ts';
import { aggregates, aggregatesOfBytes } from './aggregates.ts';
import { backPressure } from './back-pressure.ts';
import { bandwidthLimits } from './bandwidth.ts';
import { accessLogFormat, badRequests, headers, lax } from './basics.ts';
import { buffering } from './buffering.ts';
import { clusterTracking } from './cluster-tracking.ts';
import { compression } from './compression.ts';
import { connects } from './connect.ts';
import { connectionEnds } from './connection-ends.ts';
import { connectionQuotas } from './connection-quotas.ts';
import { connectionServices } from './connection-services.ts';
import { controlPlanes } from './control-plane.ts';
import { copies } from './copies.ts';
import { crossOrigin, deprecatedCrossOrigin } from './cross-origin.ts';
import { customResponses } from './custom-responses.ts';
import { expressionFilters, expressionLimits, otherExpressions, traceableLogs } from './deciding-expressions.ts';
import { decompression } from './decompression.ts';
import { demandedClusters } from './demanded-clusters.ts';
import { checkedDiscovery, fileDiscovery } from './discovery.ts';
import { draining } from './draining.ts';
import { durations } from './durations.ts';
import { headerToMetadata, tokenMetadata } from './dynamic-metadata.ts';
import { edgeSettings } from './edge-settings.ts';
import { endpointsDump } from './endpoints-dump.ts';
import { everyOperator } from './every-operator.ts';
import { expressionAttributes, expressionValues } from './expressions.ts';
import { extendedConnect } from './extended-connect.ts';
import { externalAuthorization } from './external-authorization.ts';
import { breakers, laterReplies, localReplies, retries } from './failures.ts';
import { faults } from './faults.ts';
import { filterState } from './filter-state.ts';
import { laxFraming, laxResponses, requestFraming, responseFraming } from './framing.ts';
import { grpcAuthorization } from './grpc-authorization.ts';
import { grpcBridges } from './grpc-bridges.ts';
import { grpcHealthChecks } from './grpc-health-checks.ts';
import { grpcForBrowsers, grpcStats } from './grpc-web.ts';
import { hashCookies, hashing } from './hashing.ts';
import { headerMutations } from './header-mutations.ts';
import { healthCheckFilter } from './health-check-filter.ts';
import { changingHealth, checkRequests, healthChecks } from './health-checks.ts';
import { hedgedRequests } from './hedging.ts';
import { http1Options } from './http1-options.ts';
import { http2Scenarios } from './http2.ts';
import { http2Limits } from './http2-limits.ts';
import { interimResponses } from './interim-responses.ts';
import { internalRedirects } from './internal-redirects.ts';
import { keyLogs } from './key-logs.ts';
import { leftOutFilters } from './left-out-filters.ts';
import { drainedListeners, listenerDiscovery } from './listener-discovery.ts';
import { clientAddresses, httpInspector, proxyProtocol, requestWishes } from './listener-filters.ts';
import { listenerLogs } from './listener-logs.ts';
import { chainMatchers, connectionMatchers, soleChainMatcher } from './listener-matching.ts';
import { listenerSettings } from './listener-settings.ts';
import { chainMatches, defaultChain, tcpProxies } from './listeners.ts';
import { illZones, localityWeights, zones } from './localities.ts';
import { logFilters, logOperators, sampledLogs } from './log-operators.ts';
import { logServices } from './log-service.ts';
import { logTimes } from './log-times.ts';
import { mappedReplies } from './mapped-replies.ts';
import { matchedRoutes } from './matched-routes.ts';
import { matchedAccess, policyStatistics } from './matching.ts';
import { meshRoutes } from './mesh-routes.ts';
import { moreOperators } from './more-operators.ts';
import { certificateRules, forwardedCertificates, mutualTls } from './mutual-tls.ts';
import { changingNames, nameFamilies } from './names.ts';
import { answeringFilters, connectionLimits, connectionRules } from './network-filters.ts';
import { onDemandHosts } from './on-demand.ts';
import { originalDestinations } from './original-destinations.ts';
import { outliers, outliersByRate, tcpOutliers } from './outliers.ts';
import { pipelined } from './pipelining.ts';
import { pipedAdmin, pipes, pipesOfWorkers } from './pipes.ts';
import { boundedLoads, policyExtensions, slowStarts, updateWindows } from './policies.ts';
import { priorities } from './priorities.ts';
import { rateLimitProgram } from './rate-limit-program.ts';
import { rateLimitServices } from './rate-limit-service.ts';
import { localRateLimits } from './rate-limits.ts';
import { remoteKeys } from './remote-keys.ts';
import { restControlPlanes } from './rest-control-plane.ts';
import { routeSettings } from './route-settings.ts';
import { otherLetters, repeatedHeaders, routing } from './routing.ts';
import { runtimeDiscovery } from './runtime-discovery.ts';
import { scopes } from './scoped-routes.ts';
import { secrets } from './secrets.ts';
import { setMetadata } from './set-metadata.ts';
import { mirroring, shifting } from './shifting.ts';
import { slowHeads } from './slow-heads.ts';
import { sniClusters } from './sni-clusters.ts';
import { socketMatches } from './socket-matches.ts';
import { socketOptions } from './socket-options.ts';
import { stapledResponses } from './stapling.ts';
import { statefulSessions } from './stateful-sessions.ts';
import { statsSinks } from './stats-sinks.ts';
import { subsets } from './subsets.ts';
import { requiredTls, serverTls } from './tls.ts';
import { tlsOperators } from './tls-operators.ts';
import { certificateChoices, tlsSessions } from './tls-sessions.ts';
import { tlsSettings } from './tls-settings.ts';
import { tokenAuthentication } from './token-authentication.ts';
import {
  lostReports,
  noTracing,
  outboundSpans,
  outboundTries,
  reportsInBatches,
  requestIdExtension,
  sharedTries,
  traceSampling,
  upstreamSpans,
  zipkinContexts,
  zipkinSpans,
} from './tracing.ts';
import { tracesByGrpc } from './tracing-by-grpc.ts';
import { openTelemetry, openTelemetryTries } from './tracing-by-otlp.ts';
import { upgradeSurroundings } from './upgrade-filters.ts';
import { upgradesOfHttp2 } from './upgrade-http2.ts';
import { upgradeTimes } from './upgrade-times.ts';
import { upgrades } from './upgrades.ts';
import { hostSetChanges, upstreamConnections } from './upstream-connections.ts';
import { upstreamNames } from './upstream-names.ts';
import { tlsTunnels, upstreamTls } from './upstream-tls.ts';
import { uriTemplates } from './uri-templates.ts';
import { warmingListeners } from './warming.ts';
import { wireBytes } from './wire-bytes.ts';
import { workerDiscovery } from './worker-discovery.ts';
import { workers } from './workers.ts';

/** What becomes of requests, in every version of HTTP. */
export const requests: Scenario[] = [
  headers,
  badRequests,
  lax,
  requestFraming,
  laxFraming,
  responseFraming,
  laxResponses,
  pipelined,
  ...backPressure,
  ...http2Scenarios,
  http2Limits,
  ...http1Options,
  ...slowHeads,
  ...upgrades,
  ...upgradeTimes,
  ...upgradeSurroundings,
  upgradesOfHttp2,
  ...extendedConnect,
  ...edgeSettings,
  ...interimResponses,
  ...connects,
];

/** Where requests go, how often they are tried, and what is answered instead. */
export const routes: Scenario[] = [
  localReplies,
  laterReplies,
  ...mappedReplies,
  retries,
  breakers,
  routing,
  matchedRoutes,
  repeatedHeaders,
  otherLetters,
  shifting,
  ...meshRoutes,
  ...internalRedirects,
  ...hedgedRequests,
  uriTemplates,
  ...routeSettings,
];

/** What filters do with requests. */
export const filters: Scenario[] = [
  ...externalAuthorization,
  ...grpcAuthorization,
  mirroring,
  copies,
  faults,
  localRateLimits,
  ...rateLimitServices,
  rateLimitProgram,
  accessControl,
  matchedAccess,
  policyStatistics,
  expressionFilters,
  expressionLimits,
  otherExpressions,
  crossOrigin,
  deprecatedCrossOrigin,
  ...customResponses,
  ...admissionControl,
  headerMutations,
  tokenAuthentication,
  headerToMetadata,
  tokenMetadata,
  setMetadata,
  ...filterState,
  remoteKeys,
  statefulSessions,
  bandwidthLimits,
  buffering,
  ...compression,
  ...decompression,
  grpcForBrowsers,
  ...grpcBridges,
  ...grpcStats,
];

/** What comes while the proxy runs. */
export const discovery: Scenario[] = [
  ...demandedClusters,
  fileDiscovery,
  listenerDiscovery,
  drainedListeners,
  ...controlPlanes,
  ...restControlPlanes,
  ...runtimeDiscovery,
  ...warmingListeners,
  ...scopes,
  ...onDemandHosts,
  ...workerDiscovery,
  adminInterface,
  endpointsDump,
];

/** What becomes of connections. */
export const connections: Scenario[] = [
  connectionEnds,
  ...draining,
  chainMatches,
  chainMatchers,
  soleChainMatcher,
  defaultChain,
  tcpProxies,
  listenerSettings,
  ...sniClusters,
  ...connectionQuotas,
  socketOptions,
  listenerLogs,
  connectionLimits,
  connectionRules,
  connectionMatchers,
  ...connectionServices,
  workers,
  answeringFilters,
  serverTls,
  mutualTls,
  forwardedCertificates,
  certificateRules,
  tlsOperators,
  keyLogs,
  tlsSessions,
  ...tlsSettings,
  certificateChoices,
  stapledResponses,
  upstreamTls,
  upstreamNames,
  socketMatches,
  tlsTunnels,
  secrets,
  requiredTls,
  proxyProtocol,
  httpInspector,
  clientAddresses,
  requestWishes,
];

/** Which hosts get what. */
export const clusters: Scenario[] = [
  outliers,
  outliersByRate,
  priorities,
  subsets,
  tcpOutliers,
  healthChecks,
  changingHealth,
  grpcHealthChecks,
  checkRequests,
  ...healthCheckFilter,
  checkedDiscovery,
  hashing,
  hashCookies,
  localityWeights,
  zones,
  illZones,
  policyExtensions,
  boundedLoads,
  slowStarts,
  updateWindows,
  aggregates,
  aggregatesOfBytes,
  upstreamConnections,
  hostSetChanges,
  clusterTracking,
  originalDestinations,
  leftOutFilters,
  severalAddresses,
  bothFamilies,
  ...changingAddresses,
  pipes,
  pipedAdmin,
  pipesOfWorkers,
  nameFamilies,
  changingNames,
];

/** What is told of requests. */
export const observability: Scenario[] = [
  accessLogFormat,
  ...everyOperator,
  logOperators,
  logFilters,
  sampledLogs,
  moreOperators,
  expressionAttributes,
  expressionValues,
  traceableLogs,
  wireBytes,
  ...logTimes,
  ...logServices,
  ...statsSinks,
  durations,
  zipkinContexts,
  zipkinSpans,
  traceSampling,
  ...requestIdExtension,
  upstreamSpans,
  sharedTries,
  outboundTries,
  outboundSpans,
  reportsInBatches,
  ...lostReports,
  openTelemetry,
  openTelemetryTries,
  ...tracesByGrpc,
  noTracing,
];

export const scenarios: Scenario[] = [
  ...requests,
  ...routes,
  ...filters,
  ...discovery,
  ...connections,
  ...clusters,
  ...observability,
];

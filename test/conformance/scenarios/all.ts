import type { Scenario } from '../scenario.ts';
import { accessControl } from './access-control.ts';
import { adminInterface } from './admin.ts';
import { backPressure } from './back-pressure.ts';
import { accessLogFormat, badRequests, headers, lax } from './basics.ts';
import { buffering } from './buffering.ts';
import { crossOrigin } from './cross-origin.ts';
import { checkedDiscovery, fileDiscovery } from './discovery.ts';
import { externalAuthorization } from './external-authorization.ts';
import { breakers, laterReplies, localReplies, retries } from './failures.ts';
import { faults } from './faults.ts';
import { laxFraming, laxResponses, requestFraming, responseFraming } from './framing.ts';
import { hashCookies, hashing } from './hashing.ts';
import { headerMutations } from './header-mutations.ts';
import { healthCheckFilter } from './health-check-filter.ts';
import { changingHealth, checkRequests, healthChecks } from './health-checks.ts';
import { clientAddresses, httpInspector, proxyProtocol, requestWishes } from './listener-filters.ts';
import { chainMatches, defaultChain, tcpProxies } from './listeners.ts';
import { certificateRules, forwardedCertificates, mutualTls } from './mutual-tls.ts';
import { outliers, outliersByRate, tcpOutliers } from './outliers.ts';
import { priorities } from './priorities.ts';
import { localRateLimits } from './rate-limits.ts';
import { remoteKeys } from './remote-keys.ts';
import { repeatedHeaders, routing } from './routing.ts';
import { secrets } from './secrets.ts';
import { mirroring, shifting } from './shifting.ts';
import { subsets } from './subsets.ts';
import { requiredTls, serverTls } from './tls.ts';
import { tokenAuthentication } from './token-authentication.ts';
import { tlsTunnels, upstreamTls } from './upstream-tls.ts';

export const scenarios: Scenario[] = [
  headers,
  badRequests,
  lax,
  requestFraming,
  laxFraming,
  responseFraming,
  laxResponses,
  accessLogFormat,
  localReplies,
  laterReplies,
  retries,
  breakers,
  routing,
  repeatedHeaders,
  shifting,
  ...backPressure,
  ...externalAuthorization,
  mirroring,
  faults,
  localRateLimits,
  accessControl,
  crossOrigin,
  headerMutations,
  tokenAuthentication,
  remoteKeys,
  buffering,
  fileDiscovery,
  adminInterface,
  chainMatches,
  defaultChain,
  tcpProxies,
  serverTls,
  mutualTls,
  forwardedCertificates,
  certificateRules,
  upstreamTls,
  tlsTunnels,
  secrets,
  requiredTls,
  proxyProtocol,
  httpInspector,
  clientAddresses,
  requestWishes,
  outliers,
  outliersByRate,
  priorities,
  subsets,
  tcpOutliers,
  healthChecks,
  changingHealth,
  checkRequests,
  ...healthCheckFilter,
  checkedDiscovery,
  hashing,
  hashCookies,
];

import type { Scenario } from '../scenario.ts';
import { accessControl } from './access-control.ts';
import { adminInterface } from './admin.ts';
import { accessLogFormat, badRequests, headers, lax } from './basics.ts';
import { fileDiscovery } from './discovery.ts';
import { breakers, laterReplies, localReplies, retries } from './failures.ts';
import { faults } from './faults.ts';
import { laxFraming, laxResponses, requestFraming, responseFraming } from './framing.ts';
import { lessons } from './lessons.ts';
import { chainMatches, tcpProxies } from './listeners.ts';
import { localRateLimits } from './rate-limits.ts';
import { routing } from './routing.ts';
import { mirroring, shifting } from './shifting.ts';

export const scenarios: Scenario[] = [
  ...lessons,
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
  shifting,
  mirroring,
  faults,
  localRateLimits,
  accessControl,
  fileDiscovery,
  adminInterface,
  chainMatches,
  tcpProxies,
];

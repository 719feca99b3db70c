/**
 * Virtual hosts that are to be called by https: who comes otherwise is sent there.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#envoy-v3-api-enum-config-route-v3-virtualhost-tlsrequirementtype
 */
import { VirtualHost_TlsRequirementType as Requirement } from '../api/enums.js';
import type { RequestHeaders } from '../http/headers.ts';
import { RouteEntry } from './route-entry.ts';

/** Whether a request is to be sent to https. */
export type InsecureTest = (head: RequestHeaders) => boolean;

/** By `x-forwarded-proto`, which tells how the client called the first proxy. */
export function insecureTest(requirement: number): InsecureTest | undefined {
  if (requirement === Requirement.NONE) return undefined;
  const isInsecure: InsecureTest = head => head.get('x-forwarded-proto') !== 'https';
  if (requirement === Requirement.ALL) return isInsecure;
  return head => isInsecure(head) && head.get('x-envoy-internal') !== 'true';
}

/** Belongs to no virtual host: nothing that hosts say of headers holds for it. */
export const secureRedirect = new RouteEntry(
  '',
  {
    name: '',
    metadata: undefined,
    includeAttemptCount: false,
    includeAttemptCountInResponse: false,
    includeTimeoutRetry: false,
    rateLimits: [],
  },
  {
    direct: {
      kind: 'redirect',
      status: 301,
      body: '',
      pathRewrite: undefined,
      location: head => `https://${head.authority}${head.path}`,
    },
  },
  [],
);

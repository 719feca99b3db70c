/** What the admin interface reads of the running data plane, and the few things that it may do to it. */

import type { JsonObject } from './configuration/json.ts';

export interface AdminSource {
  readonly state: 'PRE_INITIALIZING' | 'INITIALIZING' | 'LIVE' | 'DRAINING';
  clusters(): Iterable<ClusterStatus>;
  listeners(): Iterable<ListenerStatus>;
  /** The certificates in use, for each context that encrypts. */
  certificates(): Iterable<CertificatesStatus>;
  /** What came while the proxy runs. */
  dynamicResources(): DynamicResources;
  /** Stops accepting; with `graceful`, existing connections are told to go within the drain time. */
  drainListeners(graceful: boolean): void;
  /** Makes `/ready` and health checking by others say draining, or takes that back. */
  setHealthcheckFailed(failed: boolean): void;
}

export interface CertificatesStatus {
  authorities: readonly CertificateStatus[];
  own: readonly CertificateStatus[];
}

export interface CertificateStatus {
  /** Where it came from. */
  path: string;
  serial: string;
  names: readonly { kind: string; value: string }[];
  validFrom: Date;
  validTo: Date;
}

/** A resource as it came. */
export interface DynamicResource {
  version: string;
  /** In canonical JSON. */
  document: JsonObject;
  lastUpdated: Date;
}

export interface DynamicResources {
  clusters: { version: string; active: Iterable<DynamicResource>; warming: Iterable<DynamicResource> };
  routes: Iterable<DynamicResource>;
  /** Those that are there, and the names of those that are not yet. */
  secrets: { active: Iterable<DynamicResource>; warming: Iterable<string> };
  /** For each cluster that finds its hosts by EDS, what they are. */
  endpoints: Iterable<{
    name: string;
    /** In percent. */
    overprovisioning: number;
    hosts: Iterable<HostStatus>;
  }>;
}

export interface ListenerStatus {
  name: string;
  /** `ip:port` as bound. */
  address: string;
}

export interface ClusterStatus {
  name: string;
  observabilityName: string;
  addedViaApi: boolean;
  thresholds: { default: ThresholdLimits; high: ThresholdLimits };
  /** Where outliers are looked for: what their success rates are compared with; -1 where it is not known. */
  outlierRates: Record<'external' | 'localOrigin', { average: number; threshold: number }> | undefined;
  hosts: Iterable<HostStatus>;
}

export interface ThresholdLimits {
  maxConnections: number;
  maxPendingRequests: number;
  maxRequests: number;
  maxRetries: number;
}

export interface HostStatus {
  address: string;
  port: number;
  hostname: string;
  /** In the names of `/clusters`. */
  counters: {
    cx_connect_fail: number;
    cx_total: number;
    rq_error: number;
    rq_success: number;
    rq_timeout: number;
    rq_total: number;
  };
  gauges: { cx_active: number; rq_active: number; rq_pending_active: number };
  /** `healthy`, or `/failed_active_hc/…`. */
  healthFlags: string;
  /** What they together mean. */
  health: 'healthy' | 'degraded' | 'unhealthy';
  weight: number;
  region: string;
  zone: string;
  subZone: string;
  canary: boolean;
  priority: number;
  /** In percent; -1 where it is not known. */
  successRate: number;
  localOriginSuccessRate: number;
}

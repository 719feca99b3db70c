/** What the admin interface reads of the running data plane, and the few things that it may do to it. */

import type { JsonObject } from './configuration/json.ts';
import type { DynamicMetadata } from './dynamic-metadata.ts';

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

/** A listener that came by updates, as it is and as it was or is to be. */
export interface DynamicListener {
  name: string;
  active?: DynamicResource;
  warming?: DynamicResource;
  draining?: DynamicResource;
}

/** A resource that was not taken. */
export interface FailedUpdate {
  name: string;
  document: JsonObject;
  details: string;
  attempted: Date;
  /** Another one of that name came before it in the same update. */
  isDuplicate: boolean;
}

/** Scopes of routes, as they came together. */
export interface ScopesStatus {
  name: string;
  version: string;
  /** In canonical JSON, by name. */
  documents: readonly JsonObject[];
  lastUpdated: Date;
}

export interface DynamicResources {
  listeners: { version: string; dynamic: readonly DynamicListener[]; failures: readonly FailedUpdate[] };
  clusters: { version: string; active: Iterable<DynamicResource>; warming: Iterable<DynamicResource> };
  routes: Iterable<DynamicResource>;
  scopes: Iterable<ScopesStatus>;
  /** Those that are there, and the names of those that are not yet. */
  secrets: { active: Iterable<DynamicResource>; warming: Iterable<string> };
  /** Of each cluster that is in use. */
  endpoints: Iterable<EndpointsStatus>;
}

export interface EndpointsStatus {
  /** Under which its hosts come by EDS, else the cluster's. */
  name: string;
  addedViaApi: boolean;
  /** Its hosts come of names that are looked up. */
  resolvesNames: boolean;
  /** In percent. */
  overprovisioning: number;
  /** Its hosts by priority, then by where they are, in Envoy's order; none is empty. */
  localities: Iterable<readonly HostStatus[]>;
}

export interface ListenerStatus {
  name: string;
  /** `ip:port` as bound, or a pipe's path. */
  address: string;
  /** Those besides it. */
  additionalAddresses: readonly string[];
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
  /** The same as each other worker counts it, where there are some. */
  elsewhere?: { counters: Record<string, number>; gauges: Record<string, number> }[] | undefined;
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
  /** Of its locality; 0 where none is said. */
  localityWeight: number;
  /** Where else its health is looked at: an empty address and port 0 are its own, an empty name is the cluster's. */
  check: { address: string; port: number; hostname: string };
  /** Its metadata. */
  told?: DynamicMetadata | undefined;
  /** In percent; -1 where it is not known. */
  successRate: number;
  localOriginSuccessRate: number;
}

/** What clusters take from the proxy that they are in. */
import type { BindConfig } from '../api/envoy/config/core/v3/address_pb.js';
import type { Locality } from '../load-balancing/localities.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { StatsStore } from '../stats/store.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import type { Crew } from '../workers/crew.ts';
import type { XdsContext } from '../xds/xds-context.ts';
import type { Cluster } from './cluster.ts';
import type { NameDefaults } from './name-servers.ts';
import type { OwnCluster } from './own-cluster.ts';

export interface ClusterContext {
  store: StatsStore;
  /** Undefined: no key has a value. */
  runtime?: RuntimeValues | undefined;
  /** Brings what comes while the proxy runs. */
  xds?: XdsContext | undefined;
  /** Undefined: its own. */
  secrets?: SecretManager | undefined;
  /** Where the proxy is; undefined: nobody said. */
  locality?: Locality | undefined;
  /** Undefined where it belongs to no cluster. */
  own?: OwnCluster | undefined;
  /** Where connections come from where a cluster does not say. */
  bind?: BindConfig | undefined;
  /** Who is asked for names where a cluster does not say. */
  names?: NameDefaults | undefined;
  /** Requests are explained: what endpoints came from is kept for that. */
  explains?: boolean;
  /** Undefined where one worker serves. */
  crew?: Crew | undefined;
}

/** What the manager of clusters says of one. */
export interface ClusterPlace {
  /** Whether it came while the proxy runs. */
  addedViaApi?: boolean;
  /** By which workers tell each other of it. */
  key?: string;
  /** Another cluster, as it is now. */
  find?: (name: string) => Cluster | undefined;
}

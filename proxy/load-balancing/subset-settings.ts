/** How the hosts of a cluster are divided by their metadata, and who is asked where no part is as a route asks. */
import {
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as FallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetMetadataFallbackPolicy as MetadataFallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorPolicy,
} from '../api/enums.js';
import type {
  Cluster as Configuration,
  Cluster_LbSubsetConfig_LbSubsetSelector as SelectorConfiguration,
} from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { JsonObject } from '../configuration/json.ts';

/** Nobody, any host, the hosts of the default subset, or what is found by fewer keys. */
export type Fallback = 'none' | 'any' | 'default' | { keys: ReadonlySet<string> };

/** Hosts that have all of these keys are divided by their values. */
export interface SubsetSelector {
  /** Sorted. */
  keys: readonly string[];
  /** Only the first host of each subset is used, whatever its health. */
  singleHost: boolean;
  /** Undefined: the cluster's. */
  fallback: Fallback | undefined;
}

export interface SubsetSettings {
  fallback: 'none' | 'any' | 'default';
  defaultSubset: JsonObject;
  selectors: readonly SubsetSelector[];
  /** Where those of the fallback are none, any host is asked. */
  panicModeAny: boolean;
  /** A host whose metadata have a list has each value of it. */
  listAsAny: boolean;
  /** A route may ask for one thing after the other, in `fallback_list`. */
  fallbackList: boolean;
}

/** Undefined where hosts are not divided: as in Envoy, also where no selector is given. */
export function subsetSettings({ lbSubsetConfig: given }: Configuration): SubsetSettings | undefined {
  if (given === undefined || given.subsetSelectors.length === 0) return undefined;
  const { ANY_ENDPOINT, DEFAULT_SUBSET } = FallbackPolicy;
  const fallback = { [ANY_ENDPOINT]: 'any', [DEFAULT_SUBSET]: 'default' } as const;
  return {
    fallback: given.fallbackPolicy === FallbackPolicy.NO_FALLBACK ? 'none' : fallback[given.fallbackPolicy],
    defaultSubset: (given.defaultSubset ?? {}) as JsonObject,
    selectors: given.subsetSelectors.map(selectorOf),
    panicModeAny: given.panicModeAny,
    listAsAny: given.listAsAny,
    fallbackList: given.metadataFallbackPolicy === MetadataFallbackPolicy.FALLBACK_LIST,
  };
}

function selectorOf(given: SelectorConfiguration): SubsetSelector {
  return {
    keys: [...new Set(given.keys)].sort(),
    singleHost: given.singleHostPerSubset,
    fallback: selectorFallback(given),
  };
}

function selectorFallback(given: SelectorConfiguration): Fallback | undefined {
  switch (given.fallbackPolicy) {
    case SelectorPolicy.NO_FALLBACK:
      return 'none';
    case SelectorPolicy.ANY_ENDPOINT:
      return 'any';
    case SelectorPolicy.DEFAULT_SUBSET:
      return 'default';
    case SelectorPolicy.KEYS_SUBSET:
      return { keys: new Set(given.fallbackKeysSubset) };
    default:
      return undefined;
  }
}

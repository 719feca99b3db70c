/** What a cluster says of how its hosts are to be chosen: in its own fields, or in the extension that replaces them. */
import type { Message } from '@bufbuild/protobuf';
import {
  Cluster_RingHashLbConfig_HashFunction as HashFunction,
  Cluster_LbPolicy as LbPolicy,
  RingHash_HashFunction as NewHashFunction,
  LeastRequest_SelectionMethod as SelectionMethod,
} from '../api/enums.js';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { RuntimeDouble } from '../api/envoy/config/core/v3/base_pb.js';
import type {
  ConsistentHashingLbConfig,
  LocalityLbConfig,
  SlowStartConfig,
} from '../api/envoy/extensions/load_balancing_policies/common/v3/common_pb.js';
import type { LeastRequest } from '../api/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js';
import type { Maglev } from '../api/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js';
import type { Random } from '../api/envoy/extensions/load_balancing_policies/random/v3/random_pb.js';
import type { RingHash } from '../api/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js';
import type { RoundRobin } from '../api/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';

export type Policy = 'round-robin' | 'least-request' | 'random' | 'ring-hash' | 'maglev';

/** The fields of a message, whichever of the two that have them it is. */
type Fields<Type> = Omit<Type, keyof Message>;
type Localities = LocalityLbConfig['localityConfigSpecifier'];

/** Undefined where nothing is said. */
export interface StatedPolicy {
  policy: Policy;
  slowStart?: Fields<SlowStartConfig> | undefined;
  zoneAware?: Fields<Extract<Localities, { case: 'zoneAwareLbConfig' }>['value']> | undefined;
  weightedLocalities?: boolean;
  hashing?: Fields<ConsistentHashingLbConfig> | undefined;
  choiceCount?: number | undefined;
  fullScan?: boolean;
  activeRequestBias?: RuntimeDouble | undefined;
  ringSize?: { minimum: bigint | undefined; maximum: bigint | undefined } | undefined;
  murmur?: boolean;
  tableSize?: bigint | undefined;
}

export function statedPolicy(configuration: Configuration): StatedPolicy {
  const [first] = configuration.loadBalancingPolicy?.policies ?? [];
  const message = (first?.typedExtensionConfig?.typedConfig as UnpackedAny | undefined)?.message as
    | Extension
    | undefined;
  return message === undefined ? byFields(configuration) : byExtension(message);
}

const policies: Partial<Record<LbPolicy, Policy>> = {
  [LbPolicy.LEAST_REQUEST]: 'least-request',
  [LbPolicy.RANDOM]: 'random',
  [LbPolicy.RING_HASH]: 'ring-hash',
  [LbPolicy.MAGLEV]: 'maglev',
};

function byFields({ lbPolicy, lbConfig, commonLbConfig }: Configuration): StatedPolicy {
  const policy = policies[lbPolicy] ?? 'round-robin';
  const common = {
    ...localitiesOf(commonLbConfig?.localityConfigSpecifier),
    hashing: commonLbConfig?.consistentHashingLbConfig,
  };
  switch (lbConfig.case) {
    case 'roundRobinLbConfig':
      return { policy, ...common, slowStart: policy === 'round-robin' ? lbConfig.value.slowStartConfig : undefined };
    case 'leastRequestLbConfig': {
      const { slowStartConfig, choiceCount, activeRequestBias } = lbConfig.value;
      const slowStart = policy === 'least-request' ? slowStartConfig : undefined;
      return { policy, ...common, choiceCount, activeRequestBias, slowStart };
    }
    case 'ringHashLbConfig': {
      const { minimumRingSize: minimum, maximumRingSize: maximum, hashFunction } = lbConfig.value;
      return { policy, ...common, ringSize: { minimum, maximum }, murmur: hashFunction === HashFunction.MURMUR_HASH_2 };
    }
    case 'maglevLbConfig':
      return { policy, ...common, tableSize: lbConfig.value.tableSize };
    default:
      return { policy, ...common };
  }
}

type Extension = LeastRequest | Maglev | Random | RingHash | RoundRobin;

function byExtension(message: Extension): StatedPolicy {
  switch (message.$typeName) {
    case 'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin':
      return { policy: 'round-robin', ...balanced(message), slowStart: message.slowStartConfig };
    case 'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest': {
      const { choiceCount, activeRequestBias, slowStartConfig: slowStart, selectionMethod } = message;
      const fullScan = selectionMethod === SelectionMethod.FULL_SCAN;
      return { policy: 'least-request', ...balanced(message), choiceCount, activeRequestBias, slowStart, fullScan };
    }
    case 'envoy.extensions.load_balancing_policies.random.v3.Random':
      return { policy: 'random', ...balanced(message) };
    case 'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash': {
      const { minimumRingSize: minimum, maximumRingSize: maximum, hashFunction } = message;
      const murmur = hashFunction === NewHashFunction.MURMUR_HASH_2;
      return { policy: 'ring-hash', ...hashed(message), ringSize: { minimum, maximum }, murmur };
    }
    case 'envoy.extensions.load_balancing_policies.maglev.v3.Maglev':
      return { policy: 'maglev', ...hashed(message), tableSize: message.tableSize };
  }
}

const balanced = ({ localityLbConfig }: LeastRequest | Random | RoundRobin): Partial<StatedPolicy> =>
  localitiesOf(localityLbConfig?.localityConfigSpecifier);

const hashed = (message: RingHash | Maglev): Partial<StatedPolicy> => ({
  hashing: message.consistentHashingLbConfig,
  weightedLocalities: message.localityWeightedLbConfig !== undefined,
});

function localitiesOf(
  stated: Localities | NonNullable<Configuration['commonLbConfig']>['localityConfigSpecifier'] | undefined,
): Partial<StatedPolicy> {
  return {
    zoneAware: stated?.case === 'zoneAwareLbConfig' ? stated.value : undefined,
    weightedLocalities: stated?.case === 'localityWeightedLbConfig',
  };
}

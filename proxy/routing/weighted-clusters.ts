/** Splits the requests of a route over clusters by weight. */
import type {
  WeightedCluster_ClusterWeight as ClusterWeight,
  WeightedCluster,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import { RuntimeNumber } from '../runtime/runtime-values.ts';
import { type EntryChoice, entriesByHeader, type MakeEntry } from './entry-choice.ts';
import type { RouteContext } from './route-context.ts';
import { levelOf, type RouteEntry } from './route-entry.ts';

interface Share {
  weight: RuntimeNumber;
  choose: EntryChoice;
}

/** An entry by weight, as Envoy picks it: a runtime key `<prefix>.<cluster>` overrides the weight of its cluster. */
export function weightedEntries(configuration: WeightedCluster, make: MakeEntry, context: RouteContext): EntryChoice {
  const prefix = configuration.runtimeKeyPrefix;
  const shares = configuration.clusters.map((share, index) => shareOf(share, index, prefix, make, context));
  const byHeader = configuration.randomValueSpecifier;
  const header = byHeader.case === 'headerName' ? byHeader.value.toLowerCase() : '';
  return (head, random) =>
    pick(shares, header === '' ? random : (randomOf(head.get(header)) ?? random)).choose(head, random);
}

function shareOf(share: ClusterWeight, index: number, prefix: string, make: MakeEntry, context: RouteContext): Share {
  const key = prefix === '' ? '' : `${prefix}.${share.name}`;
  const weight = new RuntimeNumber(share.weight ?? 0, key, context.runtime);
  const rewrite = share.hostRewriteSpecifier;
  const own = {
    index,
    level: levelOf(share, context),
    hostRewrite: rewrite.case === 'hostRewriteLiteral' ? rewrite.value : '',
    metadata: share.metadataMatch,
  };
  if (share.name === '') return { weight, choose: entriesByHeader(share.clusterHeader, make, own) };
  const entry: RouteEntry = make(share.name, own);
  return { weight, choose: () => entry };
}

function pick(shares: readonly Share[], random: number): Share {
  let total = 0;
  for (let i = 0; i < shares.length; i++) total += shares[i]!.weight.value;
  let left = total > 0 ? random % total : 0;
  for (let i = 0; i < shares.length; i++) {
    left -= shares[i]!.weight.value;
    if (left < 0) return shares[i]!;
  }
  // Weights of 0 alone, which only the runtime can bring about.
  return shares[0]!;
}

/** A client may choose its share by a number of its own. */
function randomOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

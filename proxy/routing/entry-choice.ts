import type { Metadata } from '../api/envoy/config/core/v3/base_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { Level, RouteEntry } from './route-entry.ts';

/** Chooses what happens to a request that met a route. `random` is a whole number, the same for all decisions about one request. */
export type EntryChoice = (head: RequestHeaders, random: number) => RouteEntry;

/** What a weighted cluster says to its share of a route's requests. */
export interface OwnShare {
  /** Among the route's weighted clusters. */
  index: number;
  level: Level;
  /** '' where it says nothing. */
  hostRewrite: string;
  metadata: Metadata | undefined;
}

/** Makes the entry for one cluster of a route. */
export type MakeEntry = (clusterName: string, own?: OwnShare) => RouteEntry;

/** Header values come from clients: no more of them than this are remembered. */
const rememberedClusters = 1000;

/** The cluster is named by a header of the request. */
export function entriesByHeader(header: string, make: MakeEntry, own?: OwnShare): EntryChoice {
  const name = header.toLowerCase();
  const entries = new Map<string, RouteEntry>();
  return head => {
    const cluster = (name === ':authority' ? head.authority : head.get(name)) ?? '';
    const known = entries.get(cluster);
    if (known !== undefined) return known;
    const made = make(cluster, own);
    // Unknown clusters are not remembered: they may come to be.
    if (made.cluster?.bind() !== undefined && entries.size < rememberedClusters) entries.set(cluster, made);
    return made;
  };
}

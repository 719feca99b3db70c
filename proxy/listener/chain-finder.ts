/** Finds a listener's filter chain for a connection: by the matches of its chains, or by a generic matcher that names one. */
import type { StringValue } from '@bufbuild/protobuf/wkt';
import type { Listener } from '../api/envoy/config/listener/v3/listener_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { connectionKinds } from '../matching/inputs.ts';
import { compileMatcher } from '../matching/match-tree.ts';
import { type ChainFinder, compileChainMatches } from './filter-chain-match.ts';

/** The place of no chain: where a matcher names one that is not there, the default one does not take the connection, as in Envoy. */
const nowhere = -1;

/** @throws Error where the matches overlap, or the matcher asks or leads to what makes no sense here */
export function chainFinder({ filterChains, filterChainMatcher }: Listener): ChainFinder {
  if (filterChainMatcher === undefined) return compileChainMatches(filterChains.map(chain => chain.filterChainMatch));
  const places = new Map(filterChains.map(({ name }, index) => [name, index]));
  return compileMatcher(filterChainMatcher, {
    ...connectionKinds,
    action({ name, typedConfig: any }) {
      const chain = typedConfig<StringValue>(any, 'google.protobuf.StringValue');
      if (chain === undefined) throw new Error(`a matcher of filter chains has no action ${name || any?.typeUrl}`);
      return places.get(chain.value) ?? nowhere;
    },
  });
}

/** How a listener's filter chains may be told apart. */
import { checkMatcher, matcherPlaces } from './matcher-rules.ts';
import { at, type Part, type Refuse } from './parts.ts';

/** As Envoy, and with its words: a matcher knows chains by their names, else each has a match of its own. */
export function checkChainChoice(name: string, listener: Part, chains: readonly Part[], refuse: Refuse): void {
  const matcher = at(listener, 'filter_chain_matcher');
  if (matcher === undefined) refuseSameMatches(name, chains, refuse);
  else requireNames(name, chains, refuse);
  checkMatcher(matcher, matcherPlaces.filterChains, refuse);
}

function requireNames(listener: string, chains: readonly Part[], refuse: Refuse): void {
  const seen = new Set<string>();
  for (const { value, path } of chains) {
    const name = String(value.name ?? '');
    const wrong = (rule: string) => refuse(`error adding listener '${listener}': "name" field is ${rule}`, path);
    if (name === '') throw wrong('required when using a listener matcher');
    if (seen.has(name)) throw wrong(`duplicated with value '${name}'`);
    seen.add(name);
  }
}

function refuseSameMatches(listener: string, chains: readonly Part[], refuse: Refuse): void {
  const seen = new Map<string, Part>();
  for (const chain of chains) {
    const match = JSON.stringify(at(chain, 'filter_chain_match')?.value ?? {});
    const before = seen.get(match);
    seen.set(match, chain);
    if (before === undefined) continue;
    const names = `filter chain '${chain.value.name ?? ''}' has the same matching rules defined as '${before.value.name ?? ''}'`;
    throw refuse(`error adding listener '${listener}': ${names}. duplicate matcher is: ${match}`, chain.path);
  }
}

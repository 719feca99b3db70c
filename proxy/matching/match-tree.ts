/**
 * Envoy's generic matchers: lists of predicates and trees of values that lead to an action, compiled to one function. What is asked (the inputs) and
 * what the actions are is the matter of who uses them.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api
 */
import type { StringMatcher } from '../api/envoy/type/matcher/v3/string_pb.js';
import type { TypedExtensionConfig } from '../api/xds/core/v3/extension_pb.js';
import type { ServerNameMatcher } from '../api/xds/type/matcher/v3/domain_pb.js';
import type { IPMatcher } from '../api/xds/type/matcher/v3/ip_pb.js';
import type {
  Matcher,
  Matcher_OnMatch as OnMatch,
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate as SinglePredicate,
  Matcher_MatcherTree as Tree,
} from '../api/xds/type/matcher/v3/matcher_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { addressTest } from '../net/address-range.ts';
import { stringTest } from '../routing/string-match.ts';

/** What is asked of the data; undefined where they have no such thing. */
export type Input<Data> = (data: Data) => string | undefined;

/** What a matcher leads to; undefined: nothing matches. */
export type Match<Data, Action> = (data: Data) => Action | undefined;

/** What those who use a matcher say of it. Each throws for what makes no sense there. */
export interface Kinds<Data, Action> {
  input(stated: TypedExtensionConfig): Input<Data>;
  /** A test of its own kind in place of one of a text. */
  customTest(stated: TypedExtensionConfig, input: TypedExtensionConfig): (data: Data) => boolean;
  action(stated: TypedExtensionConfig): Action;
}

/** @throws Error where a part of it makes no sense for those who use it */
export function compileMatcher<Data, Action>(
  { matcherType, onNoMatch }: Matcher,
  kinds: Kinds<Data, Action>,
): Match<Data, Action> {
  const otherwise = onNoMatch && leadingTo(onNoMatch, kinds);
  const matched = matchOf(matcherType, kinds);
  return data => matched(data) ?? otherwise?.(data);
}

function matchOf<Data, Action>(type: Matcher['matcherType'], kinds: Kinds<Data, Action>): Match<Data, Action> {
  if (type.case === 'matcherTree') return treeOf(type.value, kinds);
  const matchers = type.case === 'matcherList' ? type.value.matchers : [];
  const entries = matchers.map(({ predicate, onMatch }) => ({
    test: predicateTest(predicate!, kinds),
    lead: leadingTo(onMatch!, kinds),
  }));
  return data => {
    for (const { test, lead } of entries) {
      const action = test(data) ? lead(data) : undefined;
      if (action !== undefined) return action;
    }
    return undefined;
  };
}

function leadingTo<Data, Action>({ onMatch }: OnMatch, kinds: Kinds<Data, Action>): Match<Data, Action> {
  if (onMatch.case === 'matcher') return compileMatcher(onMatch.value, kinds);
  const action = kinds.action(onMatch.value!);
  return () => action;
}

function predicateTest<Data, Action>({ matchType }: Predicate, kinds: Kinds<Data, Action>): (data: Data) => boolean {
  switch (matchType.case) {
    case 'andMatcher': {
      const tests = matchType.value.predicate.map(one => predicateTest(one, kinds));
      return data => tests.every(test => test(data));
    }
    case 'orMatcher': {
      const tests = matchType.value.predicate.map(one => predicateTest(one, kinds));
      return data => tests.some(test => test(data));
    }
    case 'notMatcher': {
      const test = predicateTest(matchType.value, kinds);
      return data => !test(data);
    }
    case 'singlePredicate':
      return singleTest(matchType.value, kinds);
    default:
      return () => false;
  }
}

function singleTest<Data, Action>({ input, matcher }: SinglePredicate, kinds: Kinds<Data, Action>) {
  if (matcher.case === 'customMatch') return kinds.customTest(matcher.value, input!);
  const read = kinds.input(input!);
  // Both packages say the same of texts.
  const test = stringTest(matcher.case === 'valueMatch' ? (matcher.value as unknown as StringMatcher) : undefined);
  return (data: Data) => {
    const value = read(data);
    return value !== undefined && test(value);
  };
}

/** What the values of a tree lead to: the candidates for a value, the most specific first. */
type Candidates<Lead> = (value: string) => Iterable<Lead>;

function treeOf<Data, Action>({ input, treeType }: Tree, kinds: Kinds<Data, Action>): Match<Data, Action> {
  const read = kinds.input(input!);
  const lead = (onMatch: OnMatch | undefined): Match<Data, Action> => leadingTo(onMatch!, kinds);
  const candidates = candidatesOf(treeType, lead);
  return data => {
    const value = read(data);
    if (value === undefined) return undefined;
    for (const candidate of candidates(value)) {
      const action = candidate(data);
      if (action !== undefined) return action;
    }
    return undefined;
  };
}

function candidatesOf<Lead>(type: Tree['treeType'], lead: (onMatch: OnMatch | undefined) => Lead): Candidates<Lead> {
  switch (type.case) {
    case 'exactMatchMap': {
      const leads = new Map(Object.entries(type.value.map).map(([key, onMatch]) => [key, lead(onMatch)]));
      return value => listed(leads.get(value));
    }
    case 'prefixMatchMap': {
      const leads = Object.entries(type.value.map).map(([prefix, onMatch]) => ({ prefix, lead: lead(onMatch) }));
      leads.sort((a, b) => b.prefix.length - a.prefix.length);
      return value => leads.filter(({ prefix }) => value.startsWith(prefix)).map(found => found.lead);
    }
    default: {
      const any = type.value?.typedConfig;
      const addresses = typedConfig<IPMatcher>(any, 'xds.type.matcher.v3.IPMatcher');
      if (addresses !== undefined) return byAddress(addresses, lead);
      const names = typedConfig<ServerNameMatcher>(any, 'xds.type.matcher.v3.ServerNameMatcher');
      if (names !== undefined) return byName(names, lead);
      throw new Error(`the matcher ${type.value?.name} is not supported by this proxy`);
    }
  }
}

const listed = <Item>(item: Item | undefined): Item[] => (item === undefined ? [] : [item]);

/** The narrowest range first; an exclusive one counts only where none is narrower. */
function byAddress<Lead>({ rangeMatchers }: IPMatcher, lead: (onMatch: OnMatch | undefined) => Lead): Candidates<Lead> {
  const ranges = rangeMatchers.flatMap(({ ranges, onMatch, exclusive }) => {
    const common = { lead: lead(onMatch), exclusive };
    return ranges.map(range => ({ ...common, length: range.prefixLen ?? 0, test: addressTest([range]) }));
  });
  ranges.sort((a, b) => b.length - a.length);
  return address =>
    ranges
      .filter(({ test }) => test(address))
      .filter(({ exclusive }, index) => index === 0 || !exclusive)
      .map(found => found.lead);
}

/** The name itself, then `*.` and what follows each of its dots, then `*`. */
function byName<Lead>(
  { domainMatchers }: ServerNameMatcher,
  lead: (onMatch: OnMatch | undefined) => Lead,
): Candidates<Lead> {
  const leads = new Map<string, Lead>();
  for (const { domains, onMatch } of domainMatchers) {
    const found = lead(onMatch);
    for (const domain of domains) leads.set(domain.toLowerCase(), found);
  }
  return value => {
    const name = value.toLowerCase();
    const wanted = [name];
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) wanted.push(`*${name.slice(dot)}`);
    return [...wanted, '*'].flatMap(domain => listed(leads.get(domain)));
  };
}

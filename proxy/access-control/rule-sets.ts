/** Two sets of access rules: those that count, and shadow rules that are only counted. */
import type { RBAC } from '../api/envoy/config/rbac/v3/rbac_pb.js';
import type { Matcher } from '../api/xds/type/matcher/v3/matcher_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import { AccessRules, type Judgement, type Rules } from './access-rules.ts';
import { MatchedRules } from './matched-rules.ts';

export interface RuleSets {
  enforced: Rules | undefined;
  shadow: Rules | undefined;
  /** Each policy has counters of its own, once it is met. */
  perPolicy: boolean;
  prefixes: Prefixes;
}

/** What stands before the names of the two sets' statistics and metadata; '' for nothing. */
export interface Prefixes {
  rules: string;
  shadow: string;
}

/** What a configuration says of its rules. */
interface SaidRules {
  rules?: RBAC | undefined;
  matcher?: Matcher | undefined;
  shadowRules?: RBAC | undefined;
  shadowMatcher?: Matcher | undefined;
  trackPerRuleStats?: boolean;
  rulesStatPrefix?: string;
  shadowRulesStatPrefix?: string;
}

/** Who says nothing of rules has none. */
export function ruleSetsOf(said: SaidRules | undefined): RuleSets {
  return {
    enforced: rulesOf(said?.matcher, said?.rules),
    shadow: rulesOf(said?.shadowMatcher, said?.shadowRules),
    perPolicy: said?.trackPerRuleStats ?? false,
    prefixes: { rules: said?.rulesStatPrefix ?? '', shadow: said?.shadowRulesStatPrefix ?? '' },
  };
}

/** As in Envoy, rules beside a matcher count for nothing. */
function rulesOf(matcher: Matcher | undefined, rules: RBAC | undefined): Rules | undefined {
  return matcher === undefined ? rules && new AccessRules(rules) : new MatchedRules(matcher);
}

export interface DecisionCounters {
  allowed: Counter;
  denied: Counter;
  shadowAllowed: Counter;
  shadowDenied: Counter;
  /** Of the policies that were met. */
  enforcedPolicies: StatsScope;
  shadowPolicies: StatsScope;
}

export function decisionCounters(scope: StatsScope, prefixes: Prefixes): DecisionCounters {
  const enforced = scope.scope(`rbac.${joined(prefixes.rules)}`);
  const shadow = scope.scope(`rbac.${joined(prefixes.shadow)}`);
  return {
    allowed: enforced.counter('allowed'),
    denied: enforced.counter('denied'),
    shadowAllowed: shadow.counter('shadow_allowed'),
    shadowDenied: shadow.counter('shadow_denied'),
    enforcedPolicies: enforced.scope('policy.'),
    shadowPolicies: shadow.scope('policy.'),
  };
}

const joined = (prefix: string): string => (prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`);

/** What the two sets say; undefined for a set that is not there. */
export interface Decisions {
  enforced: Judgement | undefined;
  shadow: Judgement | undefined;
}

/** Asks both sets, counts what they say, and tells it to access logs. */
export function decide(
  { enforced, shadow, perPolicy }: RuleSets,
  head: RequestHeaders,
  info: StreamInfo,
  counted: DecisionCounters,
): Decisions {
  const decisions = { enforced: enforced?.judge(head, info), shadow: shadow?.judge(head, info) };
  if (decisions.shadow !== undefined)
    (decisions.shadow.allowed ? counted.shadowAllowed : counted.shadowDenied).increment();
  if (decisions.enforced !== undefined) (decisions.enforced.allowed ? counted.allowed : counted.denied).increment();
  if (perPolicy) {
    countPolicy(counted.shadowPolicies, 'shadow_', decisions.shadow);
    countPolicy(counted.enforcedPolicies, '', decisions.enforced);
  }
  const logged = decisions.enforced?.logged;
  if (logged !== undefined) info.setMetadata('envoy.common', { access_log_hint: logged });
  return decisions;
}

function countPolicy(scope: StatsScope, kind: string, judgement: Judgement | undefined): void {
  if (judgement === undefined || judgement.policy === '') return;
  scope.counter(`${judgement.policy}.${kind}${judgement.allowed ? 'allowed' : 'denied'}`).increment();
}

/** The names of what is told of the decisions. Made once: as keys, texts that are put together anew are slow. */
export interface DecisionNames {
  enforcedPolicy: string;
  enforcedResult: string;
  shadowPolicy: string;
  shadowResult: string;
}

/** @param others the prefixes where there are none */
export function decisionNames(prefixes: Prefixes, others = prefixes): DecisionNames {
  const [rules, shadow] = [prefixes.rules || others.rules, prefixes.shadow || others.shadow];
  return {
    enforcedPolicy: `${rules}enforced_effective_policy_id`,
    enforcedResult: `${rules}enforced_engine_result`,
    shadowPolicy: `${shadow}shadow_effective_policy_id`,
    shadowResult: `${shadow}shadow_engine_result`,
  };
}

/** What later filters and the access log may read of the decisions. */
export function decisionFields({ enforced, shadow }: Decisions, names: DecisionNames): JsonObject {
  const fields: JsonObject = {};
  if (enforced !== undefined) addFields(fields, enforced, names.enforcedPolicy, names.enforcedResult);
  if (shadow !== undefined) addFields(fields, shadow, names.shadowPolicy, names.shadowResult);
  return fields;
}

function addFields(fields: JsonObject, { allowed, policy }: Judgement, policyName: string, resultName: string): void {
  if (policy !== '') fields[policyName] = policy;
  fields[resultName] = allowed ? 'allowed' : 'denied';
}

/** What the access log says of a denial. No spaces: they would tear its fields apart. */
export function denialDetails({ policy }: Judgement): string {
  return `rbac_access_denied_matched_policy[${policy === '' ? 'none' : policy.replace(/\s/g, '_')}]`;
}

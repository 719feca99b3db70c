/** Lets requests pass or denies them by who asks for what (Envoy's rbac): rules that count, and shadow rules that are only counted. */
import type { Message } from '@bufbuild/protobuf';
import type { RBAC, RBACPerRoute } from '../api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';
import { AccessRules } from './rbac-policy.ts';

export const rbac: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.rbac.v3.RBAC',
  routeTypeName: 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
  compile(configuration, context) {
    const said = configuration as Message & RBAC;
    const rules = rulesOf(said);
    const counted = countersOf(said, context.scope);
    return stream => new RbacFilter(stream, (stream.routeConfig as RuleSets | undefined) ?? rules, counted);
  },
  compileRoute: configuration => rulesOf((configuration as Message & RBACPerRoute).rbac),
};

interface RuleSets {
  enforced: AccessRules | undefined;
  shadow: AccessRules | undefined;
}

/** A route that says nothing of rules has none: that is how it switches the filter off. */
function rulesOf(said: RBAC | undefined): RuleSets {
  return {
    enforced: said?.rules && new AccessRules(said.rules),
    shadow: said?.shadowRules && new AccessRules(said.shadowRules),
  };
}

type Counters = Record<'allowed' | 'denied' | 'shadowAllowed' | 'shadowDenied', Counter>;

function countersOf({ rulesStatPrefix, shadowRulesStatPrefix }: RBAC, scope: StatsScope): Counters {
  const enforced = scope.scope(`rbac.${joined(rulesStatPrefix)}`);
  const shadow = scope.scope(`rbac.${joined(shadowRulesStatPrefix)}`);
  return {
    allowed: enforced.counter('allowed'),
    denied: enforced.counter('denied'),
    shadowAllowed: shadow.counter('shadow_allowed'),
    shadowDenied: shadow.counter('shadow_denied'),
  };
}

const joined = (prefix: string): string => (prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`);

class RbacFilter extends StreamFilter {
  readonly #rules: RuleSets;
  readonly #counted: Counters;

  constructor(stream: FilterStream, rules: RuleSets, counted: Counters) {
    super(stream);
    this.#rules = rules;
    this.#counted = counted;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const { enforced, shadow } = this.#rules;
    const { info } = this.stream;
    const counted = this.#counted;
    if (shadow) (shadow.judge(head, info).allowed ? counted.shadowAllowed : counted.shadowDenied).increment();
    if (!enforced) return 'continue';
    const { allowed, policy } = enforced.judge(head, info);
    (allowed ? counted.allowed : counted.denied).increment();
    if (allowed) return 'continue';
    // No spaces: they would tear the access log's fields apart.
    const matched = policy === '' ? 'none' : policy.replace(/\s/g, '_');
    this.stream.localReply(403, 'RBAC: access denied', `rbac_access_denied_matched_policy[${matched}]`);
    return 'stop';
  }
}

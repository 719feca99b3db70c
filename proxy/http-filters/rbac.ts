/** Lets requests pass or denies them by who asks for what (Envoy's rbac): rules that count, and shadow rules that are only counted. */
import type { Message } from '@bufbuild/protobuf';
import {
  type DecisionCounters,
  type DecisionNames,
  decide,
  decisionCounters,
  decisionFields,
  decisionNames,
  denialDetails,
  type RuleSets,
  ruleSetsOf,
} from '../access-control/rule-sets.ts';
import type { RBAC, RBACPerRoute } from '../api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const rbac: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.rbac.v3.RBAC',
  routeTypeName: 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
  compile(configuration, context) {
    const rules = ruleSetsOf(configuration as Message & RBAC);
    const counted = decisionCounters(context.scope, rules.prefixes);
    const names = new WeakMap<RuleSets, DecisionNames>();
    /** Of what is told; the filter's prefixes hold where its route has none. */
    const namesOf = (sets: RuleSets): DecisionNames => {
      const known = names.get(sets) ?? decisionNames(sets.prefixes, rules.prefixes);
      names.set(sets, known);
      return known;
    };
    return stream => {
      const sets = (stream.routeConfig as RuleSets | undefined) ?? rules;
      return new RbacFilter(stream, sets, counted, namesOf(sets));
    };
  },
  // A route that says nothing of rules has none: that is how it switches the filter off.
  compileRoute: configuration => ruleSetsOf((configuration as Message & RBACPerRoute).rbac),
};

class RbacFilter extends StreamFilter {
  readonly #rules: RuleSets;
  readonly #counted: DecisionCounters;
  readonly #names: DecisionNames;

  constructor(stream: FilterStream, rules: RuleSets, counted: DecisionCounters, names: DecisionNames) {
    super(stream);
    this.#names = names;
    this.#rules = rules;
    this.#counted = counted;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const { info } = this.stream;
    const decisions = decide(this.#rules, head, info, this.#counted);
    const { enforced, shadow } = decisions;
    if (enforced !== undefined || shadow !== undefined)
      info.setMetadata('envoy.filters.http.rbac', decisionFields(decisions, this.#names));
    if (enforced === undefined || enforced.allowed) return 'continue';
    this.stream.localReply(403, 'RBAC: access denied', denialDetails(enforced));
    return 'stop';
  }
}

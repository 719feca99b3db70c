/** Lets connections pass or closes them by who comes from where (Envoy's rbac for connections). They are judged once they say something. */
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
import { RBAC_EnforcementType } from '../api/enums.js';
import type { RBAC } from '../api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { RequestHeaders } from '../http/headers.ts';
import { type FilteredClient, NetworkFilter, type NetworkFilterType, type Verdict } from './network-filter.ts';

export const rbac: NetworkFilterType = {
  typeName: 'envoy.extensions.filters.network.rbac.v3.RBAC',
  compile(configuration, { rootScope }) {
    const said = configuration as Message & RBAC;
    const rules = ruleSetsOf(said);
    const judging: Judging = {
      rules,
      counted: decisionCounters(rootScope.scope(`${said.statPrefix}.`), rules.prefixes),
      names: decisionNames(rules.prefixes),
      always: said.enforcementType === RBAC_EnforcementType.CONTINUOUS,
    };
    return client => new RbacFilter(client, judging);
  },
};

/** What the connections under one configuration share. */
interface Judging {
  rules: RuleSets;
  counted: DecisionCounters;
  names: DecisionNames;
  /** With everything that comes, not only with the first. */
  always: boolean;
}

/** A connection has none. */
const noHeaders = new RequestHeaders();

class RbacFilter extends NetworkFilter {
  readonly #judging: Judging;
  #judged = false;

  constructor(client: FilteredClient, judging: Judging) {
    super(client);
    this.#judging = judging;
  }

  override onData(): Verdict {
    const { rules, counted, names, always } = this.#judging;
    if (this.#judged && !always) return 'continue';
    this.#judged = true;
    const { info } = this.client;
    const { enforced, shadow } = decide(rules, noHeaders, info, counted);
    // As in Envoy, nothing is told of the rules that count.
    if (shadow !== undefined)
      info.setMetadata('envoy.filters.network.rbac', decisionFields({ enforced: undefined, shadow }, names));
    if (enforced === undefined || enforced.allowed) return 'continue';
    info.connectionTerminationDetails = denialDetails(enforced);
    this.client.close();
    return 'stop';
  }
}

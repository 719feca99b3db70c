/** Role-based access control by a generic matcher: what it leads to says by which name a request is allowed or denied. */
import { RBAC_Action } from '../api/enums.js';
import type { Action } from '../api/envoy/config/rbac/v3/rbac_pb.js';
import type { Matcher } from '../api/xds/type/matcher/v3/matcher_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { type MatchedStream, policyKinds } from '../matching/inputs.ts';
import { compileMatcher, type Match } from '../matching/match-tree.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Judgement, Rules } from './access-rules.ts';

/** Who is not matched is denied. */
export class MatchedRules implements Rules {
  readonly #match: Match<MatchedStream, Action>;
  /** Some of what it leads to only logs: then all of it has a word for access logs. */
  #logs = false;

  /** @throws Error where the matcher asks or leads to what makes no sense here */
  constructor(matcher: Matcher) {
    this.#match = compileMatcher(matcher, {
      ...policyKinds,
      action: ({ name, typedConfig: any }) => {
        const action = typedConfig<Action>(any, 'envoy.config.rbac.v3.Action');
        if (action === undefined) throw new Error(`access control has no action ${name || any?.typeUrl}`);
        this.#logs ||= action.action === RBAC_Action.LOG;
        return action;
      },
    });
  }

  judge(head: RequestHeaders, info: StreamInfo): Judgement {
    const met = this.#match({ head, info });
    if (met === undefined) return { allowed: false, policy: '' };
    const judgement = { allowed: met.action !== RBAC_Action.DENY, policy: met.name };
    return this.#logs ? { ...judgement, logged: met.action === RBAC_Action.LOG } : judgement;
  }
}

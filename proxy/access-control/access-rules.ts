/** Compiles the rules of role-based access control: who (principals) may do what (permissions). */

import { RBAC_Action } from '../api/enums.js';
import type { CidrRange } from '../api/envoy/config/core/v3/address_pb.js';
import type {
  Permission,
  Policy,
  Principal,
  Principal_Authenticated,
  RBAC,
} from '../api/envoy/config/rbac/v3/rbac_pb.js';
import type { MetadataMatcher } from '../api/envoy/type/matcher/v3/metadata_pb.js';
import type { PathMatcher } from '../api/envoy/type/matcher/v3/path_pb.js';
import { compileParsedExpression } from '../cel/expression.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { addressTest, splitAddress } from '../net/address-range.ts';
import { metadataTest } from '../routing/metadata-match.ts';
import { headerTest, stringTest } from '../routing/string-match.ts';
import type { StreamInfo } from '../stream-info.ts';

type Test = (head: RequestHeaders, info: StreamInfo) => boolean;

/** What the rules say to a request, and the policy that it met; '' where it met none. */
export interface Judgement {
  allowed: boolean;
  policy: string;
  /** What rules that only log say to access logs; undefined: nothing. */
  logged?: boolean;
}

interface CompiledPolicy {
  name: string;
  test: Test;
}

/** Who may do what. */
export interface Rules {
  judge(head: RequestHeaders, info: StreamInfo): Judgement;
}

/** The rules of one configuration. */
export class AccessRules implements Rules {
  readonly #action: RBAC_Action;
  readonly #policies: readonly CompiledPolicy[];

  constructor(rules: RBAC) {
    this.#action = rules.action;
    this.#policies = Object.entries(rules.policies)
      .map(([name, policy]) => ({ name, test: policyTest(policy) }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  judge(head: RequestHeaders, info: StreamInfo): Judgement {
    const met = this.#policies.find(({ test }) => test(head, info));
    const policy = met?.name ?? '';
    if (this.#action === RBAC_Action.LOG) return { allowed: true, policy, logged: met !== undefined };
    return { allowed: (met !== undefined) === (this.#action === RBAC_Action.ALLOW), policy };
  }
}

function policyTest({ permissions, principals, condition, checkedCondition }: Policy): Test {
  const may = anyOf(permissions.map(permissionTest));
  const is = anyOf(principals.map(principalTest));
  const stated = condition ?? checkedCondition?.expr;
  if (stated === undefined) return (head, info) => may(head, info) && is(head, info);
  const expression = compileParsedExpression(stated);
  return (head, info) => may(head, info) && is(head, info) && expression.holds(info);
}

const anyOf =
  (tests: readonly Test[]): Test =>
  (head, info) =>
    tests.some(test => test(head, info));

const allOf =
  (tests: readonly Test[]): Test =>
  (head, info) =>
    tests.every(test => test(head, info));

const not =
  (test: Test): Test =>
  (head, info) =>
    !test(head, info);

function permissionTest({ rule }: Permission): Test {
  switch (rule.case) {
    case 'any':
      return () => true;
    case 'andRules':
      return allOf(rule.value.rules.map(permissionTest));
    case 'orRules':
      return anyOf(rule.value.rules.map(permissionTest));
    case 'notRule':
      return not(permissionTest(rule.value));
    case 'header':
      return headerTest(rule.value);
    case 'urlPath':
      return pathTest(rule.value);
    case 'destinationIp':
      return rangeTest(rule.value, info => info.downstreamLocalAddress);
    case 'destinationPort':
      return (_, info) => splitAddress(info.downstreamLocalAddress).port === rule.value;
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      return (_, info) => {
        const { port } = splitAddress(info.downstreamLocalAddress);
        return port >= start && port < end;
      };
    }
    case 'metadata':
      return metadata(rule.value);
    case 'requestedServerName': {
      const test = stringTest(rule.value);
      return (_, info) => test(info.requestedServerName);
    }
    default:
      throw new Error(`this permission is not supported: ${rule.case}`);
  }
}

function principalTest({ identifier }: Principal): Test {
  switch (identifier.case) {
    case 'any':
      return () => true;
    case 'andIds':
      return allOf(identifier.value.ids.map(principalTest));
    case 'orIds':
      return anyOf(identifier.value.ids.map(principalTest));
    case 'notId':
      return not(principalTest(identifier.value));
    case 'header':
      return headerTest(identifier.value);
    case 'urlPath':
      return pathTest(identifier.value);
    case 'authenticated':
      return authenticatedTest(identifier.value);
    case 'sourceIp':
    case 'directRemoteIp':
      return rangeTest(identifier.value, info => info.downstreamDirectRemoteAddress);
    case 'remoteIp':
      return rangeTest(identifier.value, info => info.downstreamRemoteAddress);
    case 'metadata':
      return metadata(identifier.value);
    default:
      throw new Error(`this principal is not supported: ${identifier.case}`);
  }
}

/** By the certificate that the client showed: its URIs, or else its DNS names, or else its subject. */
function authenticatedTest({ principalName }: Principal_Authenticated): Test {
  if (principalName === undefined) return (_, info) => info.tls !== undefined;
  const test = stringTest(principalName);
  return (_, info) => {
    const peer = info.tls?.peer;
    if (peer === undefined) return false;
    const names = [...peer.namesOf('uri'), ...peer.namesOf('dns')];
    return names.some(test) || test(peer.subject);
  };
}

function metadata(matcher: MetadataMatcher): Test {
  const test = metadataTest(matcher);
  return (_, info) => test(info.metadata);
}

/** The path alone, without its query and fragment. */
function pathTest({ rule }: PathMatcher): Test {
  const test = stringTest(rule.value);
  // A connection has no path, not an empty one.
  return head => head.path !== '' && test(head.path.replace(/[?#].*$/s, ''));
}

function rangeTest(range: CidrRange, addressOf: (info: StreamInfo) => string): Test {
  const test = addressTest([range]);
  return (_, info) => test(splitAddress(addressOf(info)).address);
}

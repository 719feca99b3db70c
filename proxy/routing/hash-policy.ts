/** What requests are hashed to, so that the same go to the same host. */
import type { RouteAction_HashPolicy as Configuration } from '../api/envoy/config/route/v3/route_components_pb.js';
import { xxHash64 } from '../hash/xx-hash.ts';
import { cookieMaker, cookiesOf } from '../http/cookies.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import { regexRewrite } from './rewrite.ts';
import { queryParameters } from './string-match.ts';

/** Answers with a cookie that the client is to send from now on. */
export type AddCookie = (setCookie: string) => void;

type Method = (head: RequestHeaders, info: StreamInfo, addCookie: AddCookie) => bigint | undefined;

const all64 = 0xffff_ffff_ffff_ffffn;

/** The policies of a route, in their order. */
export class HashPolicies {
  readonly #methods: readonly { evaluate: Method; terminal: boolean }[];

  private constructor(policies: readonly Configuration[]) {
    this.#methods = policies.map(policy => ({ evaluate: methodOf(policy), terminal: policy.terminal }));
  }

  /** Undefined where a route has none. */
  static of(policies: readonly Configuration[]): HashPolicies | undefined {
    return policies.length === 0 ? undefined : new HashPolicies(policies);
  }

  /** 64 bits; undefined where the request has nothing that is asked for. */
  hash(head: RequestHeaders, info: StreamInfo, addCookie: AddCookie): bigint | undefined {
    let hash: bigint | undefined;
    for (const { evaluate, terminal } of this.#methods) {
      const one = evaluate(head, info, addCookie);
      // Turned, so that two policies of the same do not cancel each other.
      if (one !== undefined) hash = hash === undefined ? one : rotated(hash) ^ one;
      if (terminal && hash !== undefined) break;
    }
    return hash;
  }
}

const rotated = (hash: bigint): bigint => ((hash << 1n) | (hash >> 63n)) & all64;

const hashOf = (text: string, seed = 0n): bigint => xxHash64(Buffer.from(text, 'latin1'), seed);

function methodOf({ policySpecifier: policy }: Configuration): Method {
  switch (policy.case) {
    case 'header':
      return headerMethod(policy.value.headerName.toLowerCase(), policy.value.regexRewrite);
    case 'cookie':
      return cookieMethod(policy.value);
    case 'queryParameter': {
      const { name } = policy.value;
      return head => {
        const value = queryParameters(head.path).get(name);
        return value === undefined ? undefined : hashOf(value);
      };
    }
    case 'connectionProperties':
      return policy.value.sourceIp ? (_, info) => hashOfIp(info.downstreamRemoteAddress) : () => undefined;
    default:
      throw new Error('a hash policy takes header, cookie, query_parameter or connection_properties');
  }
}

function headerMethod(name: string, rewrite: Parameters<typeof regexRewrite>[0] | undefined): Method {
  const rewritten = rewrite === undefined ? (text: string) => text : regexRewrite(rewrite);
  return head => {
    const values = valuesOf(head, name);
    if (values.length === 0) return undefined;
    // In any order they are the same.
    return values
      .map(rewritten)
      .sort()
      .reduce((seed, value) => hashOf(value, seed), 0n);
  };
}

function valuesOf(head: RequestHeaders, name: string): string[] {
  if (name.startsWith(':') || name === 'host') return [head.lookup(name) ?? ''].filter(value => value !== '');
  const values: string[] = [];
  for (let i = 0; i < head.entries.length; i += 2) if (head.entries[i] === name) values.push(head.entries[i + 1]!);
  return values;
}

type Cookie = Extract<Configuration['policySpecifier'], { case: 'cookie' }>['value'];

function cookieMethod({ name, ttl, path, attributes }: Cookie): Method {
  const make = cookieMaker(name, ttl?.seconds ?? 0n, path, attributes);
  return (head, info, addCookie) => {
    const sent = cookiesOf(head).get(name) ?? '';
    if (sent !== '') return hashOf(sent);
    if (ttl === undefined) return undefined;
    const ends = info.downstreamRemoteAddress + info.downstreamLocalAddress;
    const value = hashOf(ends).toString(16).padStart(16, '0');
    addCookie(make(value));
    return hashOf(value);
  };
}

/** Of the address without its port; pipes have none. */
function hashOfIp(text: string): bigint | undefined {
  const { address } = splitAddress(text);
  return isPipe(address) ? undefined : hashOf(address);
}

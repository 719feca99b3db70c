/** What is required of a request's tokens: one provider's, any of several, all of them, or none (Envoy's JwtRequirement). */

import type {
  JwtAuthentication,
  JwtRequirement,
  JwtRequirementOrList,
} from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import type { JsonObject } from '../configuration/json.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { Counter } from '../stats/stats.ts';
import type { KeySet } from './key-set.ts';
import { type Found, Locations } from './locations.ts';
import { Provider } from './provider.ts';
import { audienceTest, type Failure, failure, parseToken, type Token } from './token.ts';

/** A request whose tokens are checked. */
export interface Checked {
  head: RequestHeaders;
  /** What was fetched for this request; undefined: nothing came. */
  fetched: Map<Provider, KeySet | undefined>;
  /** Claims became headers that routes may look at. */
  routeChanged: boolean;
  /** What becomes dynamic metadata. */
  metadata: JsonObject;
}

/** The keys of a provider have to be fetched first: then the requirement is asked again, with a head that is as it was. */
export class NeedsKeys {
  readonly provider: Provider;

  constructor(provider: Provider) {
    this.provider = provider;
  }
}

type Status = Failure | NeedsKeys | undefined;

/** Whether a request meets what is required, and if not, why. What was proven changes the request's headers. */
export type Requirement = (checked: Checked) => Status;

export type CacheCounters = Record<'hit' | 'miss', Counter>;

/** The providers of one filter, and the requirements that are made of them. */
export class Providers {
  /** Some keys have to be fetched. */
  readonly hasRemote: boolean;
  readonly #configuration: JwtAuthentication;
  readonly #byName: ReadonlyMap<string, Provider>;
  readonly #counted: CacheCounters;

  constructor(configuration: JwtAuthentication, counted: CacheCounters) {
    this.#configuration = configuration;
    this.#counted = counted;
    this.#byName = new Map(
      Object.entries(configuration.providers).map(([name, provider]) => [name, new Provider(provider)]),
    );
    this.hasRemote = [...this.#byName.values()].some(({ remote }) => remote !== undefined);
  }

  /** Compiles a requirement. */
  requirement({ requiresType: type }: JwtRequirement): Requirement {
    switch (type.case) {
      case 'providerName':
        return this.#one(type.value, []);
      case 'providerAndAudiences':
        return this.#one(type.value.providerName, type.value.audiences);
      case 'requiresAny':
        return this.#any(type.value);
      case 'requiresAll':
        return all(type.value.requirements.map(one => this.requirement(one)));
      case 'allowMissing':
        return this.#optional(false);
      case 'allowMissingOrFailed':
        return this.#optional(true);
      default:
        return () => undefined;
    }
  }

  #one(name: string, audiences: readonly string[]): Requirement {
    const provider = this.#byName.get(name)!;
    const locations = new Locations([this.#configuration.providers[name]!]);
    const allows = audiences.length > 0 ? audienceTest(audiences) : provider.allows;
    return checked => {
      provider.sanitize(checked.head);
      // All tokens must be good: the upstream might take the wrong one for the one that was proven.
      let status: Status = failure.missing;
      for (const found of locations.find(checked.head).reverse()) {
        status = this.#checkWith(provider, found, allows, checked);
        if (status !== undefined) return status;
      }
      return status;
    };
  }

  #checkWith(provider: Provider, found: Found, allows: Provider['allows'], checked: Checked): Status {
    const known = provider.recall(found.text);
    (known === undefined ? this.#counted.miss : this.#counted.hit).increment();
    const token = known ?? parseToken(found.text);
    if (typeof token === 'string') return token;
    if (!found.allows(token.issuer)) return failure.unknownIssuer;
    const wrong =
      provider.claimsFailure(token, allows) ?? (known ? undefined : signatureStatus(provider, token, checked));
    if (wrong !== undefined) return wrong;
    if (known === undefined) provider.remember(found.text, token);
    accept(provider, found, token, checked);
    return undefined;
  }

  /** Tokens of all providers are looked at; each is checked by the provider of its issuer. */
  #optional(mayFail: boolean): Requirement {
    const providers = [...this.#byName.values()];
    const locations = new Locations(Object.values(this.#configuration.providers));
    const ofIssuer = (issuer: string) => providers.find(provider => provider.issuer === issuer);
    return checked => {
      for (const provider of providers) provider.sanitize(checked.head);
      let status: Status = failure.missing;
      for (const found of locations.find(checked.head).reverse()) {
        const token = parseToken(found.text);
        if (typeof token === 'string') {
          status = token;
          continue;
        }
        const provider = found.allows(token.issuer) ? (ofIssuer(token.issuer) ?? ofIssuer('')) : undefined;
        if (provider === undefined) status = failure.unknownIssuer;
        else {
          status = provider.claimsFailure(token) ?? signatureStatus(provider, token, checked);
          if (status instanceof NeedsKeys) return status;
          if (status === undefined) accept(provider, found, token, checked);
        }
      }
      return mayFail || status === failure.missing ? undefined : status;
    };
  }

  #any({ requirements }: JwtRequirementOrList): Requirement {
    const has = (kind: JwtRequirement['requiresType']['case']) =>
      requirements.some(({ requiresType }) => requiresType.case === kind);
    const mayFail = has('allowMissingOrFailed');
    const mayMiss = has('allowMissing');
    const others = requirements
      .filter(({ requiresType: { case: kind } }) => kind !== 'allowMissing' && kind !== 'allowMissingOrFailed')
      .map(one => this.requirement(one));
    if (others.length === 0) return this.#optional(mayFail);
    return checked => {
      let status: Failure = failure.missing;
      for (const requirement of others) {
        const own = requirement(checked);
        if (own === undefined || own instanceof NeedsKeys) return own;
        // What is wrong with a token says more than that it is not there, or another provider's.
        if (status === failure.missing || (own !== failure.missing && own !== failure.unknownIssuer)) status = own;
      }
      return mayFail || (mayMiss && status === failure.missing) ? undefined : status;
    };
  }
}

function signatureStatus(provider: Provider, token: Token, { fetched }: Checked): Status {
  const keys = fetched.get(provider) ?? provider.keys;
  if (keys !== undefined) return keys.check(token);
  if (fetched.has(provider)) return failure.fetch;
  return provider.remote === undefined ? failure.noKeys : new NeedsKeys(provider);
}

function accept(provider: Provider, found: Found, token: Token, checked: Checked): void {
  const fields = provider.metadataOf(token);
  Object.assign(checked.metadata, fields);
  const changed = provider.describe(token, checked.head) || Object.keys(fields).length > 0;
  if (!provider.forwards) found.remove(checked.head);
  if (changed && provider.clearsRoute) checked.routeChanged = true;
}

const all =
  (requirements: readonly Requirement[]): Requirement =>
  checked => {
    for (const requirement of requirements) {
      const status = requirement(checked);
      if (status !== undefined) return status;
    }
    return undefined;
  };

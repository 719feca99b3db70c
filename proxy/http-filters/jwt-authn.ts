/**
 * Lets requests pass whose JSON Web Tokens are good (Envoy's jwt_authn): by rules that look at the request, or by a requirement that the route names.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type {
  JwtAuthentication,
  PerRouteConfig,
  RequirementRule,
} from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { type Checked, NeedsKeys, Providers, type Requirement } from '../jwt/requirement.ts';
import { type Failure, failure } from '../jwt/token.ts';
import { requestTest } from '../routing/request-test.ts';
import type { Counter } from '../stats/stats.ts';
import { type FilterContext, type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const jwtAuthn: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
  routeTypeName: 'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig',
  compile(configuration, context) {
    const rules = new Rules(configuration as Message & JwtAuthentication, context);
    return stream => new JwtAuthnFilter(stream, rules);
  },
  compileRoute: configuration => (configuration as Message & PerRouteConfig).requirementSpecifier,
};

type RouteSays = PerRouteConfig['requirementSpecifier'] | undefined;

interface Rule {
  matches: (head: RequestHeaders) => boolean;
  /** Undefined: nothing is required. */
  requirement: Requirement | undefined;
}

/** One configuration, compiled. */
class Rules {
  readonly counted: Record<'allowed' | 'denied' | 'bypassed' | 'fetched' | 'notFetched', Counter>;
  readonly cluster: FilterContext['cluster'];
  /** Checks may have to be made again. */
  readonly mayWait: boolean;
  readonly bypassesPreflights: boolean;
  readonly stripsFailures: boolean;
  /** The names of requirements, as a wrong one is told. */
  readonly names: string;
  readonly #rules: readonly Rule[];
  readonly #named: ReadonlyMap<string, Requirement>;

  constructor(said: JwtAuthentication, { scope, cluster }: FilterContext) {
    this.cluster = cluster;
    const counter = (name: string) => scope.counter(`jwt_authn.${name}`);
    this.counted = {
      allowed: counter('allowed'),
      denied: counter('denied'),
      bypassed: counter('cors_preflight_bypassed'),
      fetched: counter('jwks_fetch_success'),
      notFetched: counter('jwks_fetch_failed'),
    };
    this.bypassesPreflights = said.bypassCorsPreflight;
    this.stripsFailures = said.stripFailureResponse;
    const providers = new Providers(said, { hit: counter('jwt_cache_hit'), miss: counter('jwt_cache_miss') });
    this.mayWait = providers.hasRemote;
    this.#named = new Map(
      Object.entries(said.requirementMap).map(([name, requirement]) => [name, providers.requirement(requirement)]),
    );
    this.names = [...this.#named.keys()].sort().join(',');
    this.#rules = said.rules.map(rule => ({
      matches: requestTest(rule.match),
      requirement: this.#requirementOf(rule, providers),
    }));
  }

  #requirementOf({ requirementType: type }: RequirementRule, providers: Providers): Requirement | undefined {
    if (type.case === 'requires') return providers.requirement(type.value);
    return type.case === 'requirementName' ? this.#named.get(type.value) : undefined;
  }

  named(name: string): Requirement | undefined {
    return this.#named.get(name);
  }

  /** What the first rule that matches requires. */
  requirementFor(head: RequestHeaders): Requirement | undefined {
    return this.#rules.find(({ matches }) => matches(head))?.requirement;
  }
}

/** A realm longer than that is cut off. */
const longestPath = 256;

class JwtAuthnFilter extends StreamFilter {
  readonly #rules: Rules;
  /** Ends the fetch that is under way. */
  #giveUp: () => void = () => {};

  constructor(stream: FilterStream, rules: Rules) {
    super(stream);
    this.#rules = rules;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const { counted, bypassesPreflights } = this.#rules;
    if (bypassesPreflights && isPreflight(head)) {
      counted.bypassed.increment();
      counted.allowed.increment();
      return 'continue';
    }
    const said = this.stream.routeConfig as RouteSays;
    let requirement: Requirement | undefined;
    if (said?.case === 'requirementName') {
      requirement = this.#rules.named(said.value);
      if (requirement === undefined) return this.#refuseName(said.value);
    } else if (said?.case === undefined) requirement = this.#rules.requirementFor(head);
    if (requirement === undefined) {
      counted.allowed.increment();
      return 'continue';
    }
    return this.#decide(requirement, head, new Map());
  }

  override onStreamEnd(): void {
    this.#giveUp();
  }

  /** @param fetched the keys that came for this request */
  #decide(requirement: Requirement, head: RequestHeaders, fetched: Checked['fetched']): Verdict {
    const { mayWait, counted } = this.#rules;
    const checked: Checked = { head: mayWait ? head.clone() : head, fetched, routeChanged: false, metadata: {} };
    // As the client sent it: a parameter with a token may be taken away below.
    const { path } = head;
    const status = requirement(checked);
    if (status instanceof NeedsKeys) return this.#wait(status, requirement, head, fetched);
    if (status !== undefined) return this.#refuse(status, path);
    head.entries = checked.head.entries;
    head.path = checked.head.path;
    if (Object.keys(checked.metadata).length > 0)
      this.stream.info.setMetadata('envoy.filters.http.jwt_authn', checked.metadata);
    if (checked.routeChanged) this.stream.clearRoute();
    counted.allowed.increment();
    return 'continue';
  }

  #wait({ provider }: NeedsKeys, requirement: Requirement, head: RequestHeaders, fetched: Checked['fetched']): Verdict {
    const { counted, cluster } = this.#rules;
    let verdict: Verdict = 'stop';
    let waits = false;
    this.#giveUp = provider.remote!.fetch(cluster, keys => {
      (keys === undefined ? counted.notFetched : counted.fetched).increment();
      fetched.set(provider, keys);
      verdict = this.#decide(requirement, head, fetched);
      if (waits && verdict === 'continue') this.stream.continueRequest();
    });
    waits = true;
    return verdict;
  }

  #refuseName(name: string): Verdict {
    const { counted, stripsFailures, names } = this.#rules;
    const reason = `Wrong requirement_name: ${name}. It should be one of [${names}]`;
    counted.denied.increment();
    this.stream.localReply(403, stripsFailures ? '' : `Failed JWT authentication: ${reason}`, detailsOf(reason));
    return 'stop';
  }

  #refuse(status: Failure, path: string): Verdict {
    const { counted, stripsFailures } = this.#rules;
    counted.denied.increment();
    const code = status === failure.audience ? 403 : 401;
    if (stripsFailures) {
      this.stream.localReply(code, '', detailsOf(status));
      return 'stop';
    }
    const { scheme, authority } = this.stream.requestHeaders;
    const error = status === failure.missing ? '' : ', error="invalid_token"';
    const challenge = `Bearer realm="${scheme}://${authority}${path.slice(0, longestPath)}"${error}`;
    this.stream.localReply(code, status, detailsOf(status), head => head.set('www-authenticate', challenge));
    return 'stop';
  }
}

/** Without spaces: they would tear the access log's fields apart. */
const detailsOf = (reason: string): string => `jwt_authn_access_denied{${reason.replace(/\s/g, '_')}}`;

/** Browsers ask without credentials whether they may send them. */
function isPreflight(head: RequestHeaders): boolean {
  const has = (name: string) => (head.get(name) ?? '') !== '';
  return head.method === 'OPTIONS' && has('origin') && has('access-control-request-method');
}

/**
 * Cross-origin requests (Envoy's cors): answers preflights and marks responses by the policies of the route, of its virtual host and of the route
 * configuration. The filter's own configuration says nothing.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/cors_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { CorsPolicy as DeprecatedPolicy } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { CorsPolicy } from '../api/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { type RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { type StringTest, stringTest } from '../routing/string-match.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import type { RuntimeValues } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const cors: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.cors.v3.Cors',
  routeTypeName: 'envoy.extensions.filters.http.cors.v3.CorsPolicy',
  compile(_configuration, { scope, runtime }) {
    const counted = { valid: scope.counter('cors.origin_valid'), invalid: scope.counter('cors.origin_invalid') };
    const deprecated = new DeprecatedPolicies(runtime);
    return stream => new CorsFilter(stream, counted, deprecated);
  },
  compileRoute: (configuration, context) => new Policy(configuration as Message & CorsPolicy, context.runtime),
};

/** What one level says; undefined and '' are left to the levels around it. */
class Policy {
  readonly allowedOrigins: readonly StringTest[];
  /** Every origin is allowed, whatever it is. */
  readonly allowsAny: boolean;
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean | undefined;
  readonly allowPrivateNetworkAccess: boolean | undefined;
  readonly forwardNotMatchingPreflights: boolean | undefined;
  readonly enabled: RuntimeFraction | undefined;
  readonly shadow: RuntimeFraction | undefined;

  constructor(said: Omit<CorsPolicy, '$typeName'>, runtime: RuntimeValues | undefined) {
    this.allowedOrigins = said.allowOriginStringMatch.map(stringTest);
    this.allowsAny = this.allowedOrigins.some(test => test('*'));
    this.allowMethods = said.allowMethods;
    this.allowHeaders = said.allowHeaders;
    this.exposeHeaders = said.exposeHeaders;
    this.maxAge = said.maxAge;
    this.allowCredentials = said.allowCredentials;
    this.allowPrivateNetworkAccess = said.allowPrivateNetworkAccess;
    this.forwardNotMatchingPreflights = said.forwardNotMatchingPreflights;
    this.enabled = RuntimeFraction.of(said.filterEnabled, runtime);
    this.shadow = RuntimeFraction.of(said.shadowEnabled, runtime);
  }
}

/** What routes and virtual hosts say by a field of their own, which is deprecated: compiled when it is asked for first. */
class DeprecatedPolicies {
  readonly #runtime: RuntimeValues | undefined;
  readonly #compiled = new WeakMap<DeprecatedPolicy, Policy>();

  constructor(runtime: RuntimeValues | undefined) {
    this.#runtime = runtime;
  }

  of(said: DeprecatedPolicy): Policy {
    const known = this.#compiled.get(said);
    if (known !== undefined) return known;
    const policy = new Policy({ ...said, filterEnabled: said.enabledSpecifier.value }, this.#runtime);
    this.#compiled.set(said, policy);
    return policy;
  }
}

type TextField = 'allowMethods' | 'allowHeaders' | 'exposeHeaders' | 'maxAge';
type SwitchField = 'allowCredentials' | 'allowPrivateNetworkAccess' | 'forwardNotMatchingPreflights';

class CorsFilter extends StreamFilter {
  readonly #counted: Record<'valid' | 'invalid', Counter>;
  readonly #deprecated: DeprecatedPolicies;
  /** The most specific first. */
  #policies: readonly Policy[] = [];
  /** The origin that responses may go to; undefined: responses stay as they are. */
  #origin: string | undefined;

  constructor(stream: FilterStream, counted: Record<'valid' | 'invalid', Counter>, deprecated: DeprecatedPolicies) {
    super(stream);
    this.#counted = counted;
    this.#deprecated = deprecated;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const origin = head.get('origin');
    // What a route answers by itself is nobody's resource.
    const { route } = this.stream;
    if (origin === undefined || origin === '' || route?.cluster === undefined) return 'continue';
    this.#policies = this.stream.routeConfigs.filter(said => said !== undefined) as Policy[];
    if (this.#policies.length === 0) this.#policies = route.corsPolicies.map(said => this.#deprecated.of(said));
    const first = this.#policies[0];
    if (first === undefined) return 'continue';
    const random = this.stream.random();
    const enabled = first.enabled?.includes(random) ?? true;
    if (!enabled && first.shadow?.includes(random) !== true) return 'continue';
    const allowed = this.#allows(origin);
    (allowed ? this.#counted.valid : this.#counted.invalid).increment();
    if (!enabled) return 'continue';
    if (allowed) this.#origin = origin;
    if (head.method !== 'OPTIONS' || (head.get('access-control-request-method') ?? '') === '') return 'continue';
    if (!allowed && (this.#switch('forwardNotMatchingPreflights') ?? true)) return 'continue';
    this.stream.respond(this.#preflight(head), 'cors_response');
    return 'stop';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    const origin = this.#origin;
    if (origin === undefined) return 'continue';
    head.set('access-control-allow-origin', origin);
    if (this.#switch('allowCredentials')) head.set('access-control-allow-credentials', 'true');
    const exposed = this.#text('exposeHeaders');
    if (exposed !== '') head.set('access-control-expose-headers', exposed);
    return 'continue';
  }

  #allows(origin: string): boolean {
    const policy = this.#policies.find(({ allowedOrigins }) => allowedOrigins.length > 0);
    return policy !== undefined && (policy.allowsAny || policy.allowedOrigins.some(test => test(origin)));
  }

  /** The answer to a preflight; `*` stands for what was asked for. */
  #preflight(head: RequestHeaders): ResponseHeaders {
    const response = new ResponseHeaders(200);
    if (this.#origin !== undefined) response.set('access-control-allow-origin', this.#origin);
    if (this.#switch('allowCredentials')) response.set('access-control-allow-credentials', 'true');
    const allow = (what: 'methods' | 'headers', said: string, asked: string) => {
      if (said !== '') response.set(`access-control-allow-${what}`, said === '*' ? (head.getAll(asked) ?? '') : said);
    };
    allow('methods', this.#text('allowMethods'), 'access-control-request-method');
    allow('headers', this.#text('allowHeaders'), 'access-control-request-headers');
    const maxAge = this.#text('maxAge');
    if (maxAge !== '') response.set('access-control-max-age', maxAge);
    if (this.#switch('allowPrivateNetworkAccess') && head.get('access-control-request-private-network') === 'true')
      response.set('access-control-allow-private-network', 'true');
    return response;
  }

  /** What the most specific level that has it says. */
  #text(field: TextField): string {
    return this.#policies.find(policy => policy[field] !== '')?.[field] ?? '';
  }

  #switch(field: SwitchField): boolean | undefined {
    return this.#policies.find(policy => policy[field] !== undefined)?.[field];
  }
}

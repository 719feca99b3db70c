/**
 * Which redirects of hosts a route's requests follow themselves: Envoy's InternalRedirectPolicy, parsed once.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#internal-redirects
 */
import { RouteAction_InternalRedirectAction as Deprecated } from '../api/enums.js';
import type {
  InternalRedirectPolicy as Configuration,
  RouteAction,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { AllowListedRoutesConfig } from '../api/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.js';
import { typedConfig, type UnpackedAny } from '../configuration/typed-config.ts';

/** What else is ignored, as in Envoy. */
const redirectCodes = new Set([301, 302, 303, 307, 308]);

/** What a request remembers of the redirects that it followed. */
export class RedirectHistory {
  count = 0;
  /** By the name of a route: where its redirects led. */
  readonly #targets = new Map<string, Set<string>>();

  /** Whether a route leads there for the first time. */
  note(from: string, target: string): boolean {
    let targets = this.#targets.get(from);
    if (targets === undefined) {
      targets = new Set();
      this.#targets.set(from, targets);
    }
    const isNew = !targets.has(target);
    targets.add(target);
    return isNew;
  }
}

/** Where a redirect leads. */
export interface RedirectTarget {
  /** The name of the route that it meets. */
  route: string;
  https: boolean;
  /** Whether the request that is redirected came by https. */
  fromHttps: boolean;
}

type Predicate = (target: RedirectTarget, history: RedirectHistory) => boolean;

type Settings = Pick<
  Configuration,
  'maxInternalRedirects' | 'redirectResponseCodes' | 'predicates' | 'allowCrossSchemeRedirect' | 'responseHeadersToCopy'
>;

export class InternalRedirectPolicy {
  /** How many a request follows, those of other routes counted in. */
  readonly most: number;
  readonly crossesSchemes: boolean;
  /** Headers of the redirect that the request gets, and loses where the redirect has none. */
  readonly headersToCopy: readonly string[];
  readonly #codes: ReadonlySet<number>;
  readonly #predicates: readonly Predicate[];

  private constructor(settings: Settings, routeName: string) {
    const { redirectResponseCodes: codes } = settings;
    this.most = settings.maxInternalRedirects ?? 1;
    this.crossesSchemes = settings.allowCrossSchemeRedirect;
    this.headersToCopy = settings.responseHeadersToCopy.map(name => name.toLowerCase());
    this.#codes = new Set(codes.length === 0 ? [302] : codes.filter(code => redirectCodes.has(code)));
    this.#predicates = settings.predicates.map(one => predicateOf(one.typedConfig, routeName));
  }

  /** Undefined where a route follows none. @param routeName the route's own */
  static of(action: RouteAction, routeName: string): InternalRedirectPolicy | undefined {
    const { internalRedirectPolicy: policy, maxInternalRedirects } = action;
    if (policy !== undefined) return new InternalRedirectPolicy(policy, routeName);
    if (action.internalRedirectAction !== Deprecated.HANDLE_INTERNAL_REDIRECT) return undefined;
    const none = { redirectResponseCodes: [], predicates: [], responseHeadersToCopy: [] };
    return new InternalRedirectPolicy({ ...none, maxInternalRedirects, allowCrossSchemeRedirect: false }, routeName);
  }

  /** Whether responses of this status are redirects that are followed. */
  concerns(status: number): boolean {
    return this.#codes.has(status);
  }

  /** Whether a redirect may lead there; what the predicates remember of it is noted. */
  accepts(target: RedirectTarget, history: RedirectHistory): boolean {
    return this.#predicates.every(accepts => accepts(target, history));
  }
}

const extensions = 'envoy.extensions.internal_redirect';

function predicateOf(any: UnpackedAny | undefined, routeName: string): Predicate {
  const listedType = `${extensions}.allow_listed_routes.v3.AllowListedRoutesConfig`;
  const listed = typedConfig<AllowListedRoutesConfig>(any, listedType);
  if (listed !== undefined) {
    const names = new Set(listed.allowedRouteNames);
    return ({ route }) => names.has(route);
  }
  switch (any?.message?.$typeName) {
    case `${extensions}.previous_routes.v3.PreviousRoutesConfig`:
      return ({ route }, history) => history.note(routeName, route);
    case `${extensions}.safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return ({ https, fromHttps }) => fromHttps || !https;
    default:
      throw new Error(`a predicate of internal_redirect_policy that this proxy does not have: ${any?.typeUrl}`);
  }
}

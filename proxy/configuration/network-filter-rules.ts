/** What Envoy refuses of chains of filters on connections, in its words. */
import { checkBucket } from './http-filter-rules.ts';
import { isObject, type Json } from './json.ts';
import { checkMatcher, matcherPlaces } from './matcher-rules.ts';
import { at, type Part, type Refuse } from './parts.ts';

const prefix = 'envoy.extensions.filters.network.';

/** The filters that take connections, by the package of their configuration; the others only look at them. */
const terminal = new Set(['http_connection_manager', 'tcp_proxy', 'echo', 'direct_response']);

/** One filter takes the connections, and it is the last. */
export function checkNetworkFilters(filters: readonly Part[], refuse: Refuse): void {
  filters.forEach((filter, index) => {
    const configuration = at(filter, 'typed_config')!;
    const kind = kindOf(configuration);
    const isLast = index === filters.length - 1;
    const named = `filter named ${filter.value.name} of type envoy.filters.network.${kind}`;
    if (terminal.has(kind) && !isLast)
      throw refuse(`Error: terminal ${named} must be the last filter in a network filter chain.`, filter.path);
    if (!terminal.has(kind) && isLast)
      throw refuse(`Error: non-terminal ${named} is the last filter in a network filter chain.`, filter.path);
    checkFilter(kind, configuration, refuse);
  });
}

/** `rbac` of `type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC`. */
function kindOf({ value }: Part): string {
  const name = String(value['@type']);
  return name.slice(name.lastIndexOf('/') + 1 + prefix.length).split('.')[0]!;
}

function checkFilter(kind: string, configuration: Part, refuse: Refuse): void {
  const { value, path } = configuration;
  // Envoy takes it, and has nobody to ask.
  if (kind === 'ext_authz' && value.grpc_service === undefined)
    throw refuse('ext_authz has no service to ask: grpc_service names one', path);
  if (kind === 'connection_limit' && value.max_connections === undefined)
    throw refuse("Field 'max_connections' is missing", path);
  if (kind === 'rbac' && (judgesHeaders(value.rules) || judgesHeaders(value.shadow_rules)))
    throw refuse('Found header rule, not supported by RBAC network filter', path);
  if (kind === 'rbac')
    for (const matcher of [at(configuration, 'matcher'), at(configuration, 'shadow_matcher')])
      checkMatcher(matcher, matcherPlaces.connectionAccess, refuse);
  if (kind === 'local_ratelimit') checkBucket(configuration, refuse);
}

function judgesHeaders(rules: Json | undefined): boolean {
  const policies = isObject(rules) && isObject(rules.policies) ? Object.values(rules.policies) : [];
  return policies.some(
    policy => isObject(policy) && (namesHeader(policy.permissions) || namesHeader(policy.principals)),
  );
}

/** Whether a rule, or one within it, looks at a header. */
function namesHeader(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(namesHeader);
  return isObject(value) && ('header' in value || Object.values(value).some(namesHeader));
}

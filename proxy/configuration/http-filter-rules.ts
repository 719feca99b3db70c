/** What Envoy refuses of HTTP filters beyond its schema, in its words. */
import { isObject } from './json.ts';
import { checkMatcher, matcherPlaces } from './matcher-rules.ts';
import { at, type Part, type Refuse } from './parts.ts';

const types = 'envoy.extensions.filters.http';

const isOf = (config: Part, type: string): boolean => String(config.value['@type']).endsWith(`/${types}.${type}`);

/** @param filter one of a chain's */
export function checkHttpFilter(filter: Part, refuse: Refuse): void {
  const configuration = at(filter, 'typed_config')!;
  if (isOf(configuration, 'ext_authz.v3.ExtAuthz')) checkExternalAuthorization(configuration, refuse);
  if (isOf(configuration, 'stateful_session.v3.StatefulSession')) checkSessionState(configuration, refuse);
  if (isOf(configuration, 'local_ratelimit.v3.LocalRateLimit')) checkBucket(configuration, refuse);
  if (isOf(configuration, 'rbac.v3.RBAC')) checkAccess(configuration, refuse);
}

/** Of a local rate limit, whatever it limits. */
export function checkBucket(configuration: Part, refuse: Refuse): void {
  const bucket = at(configuration, 'token_bucket');
  const interval = bucket?.value.fill_interval;
  if (bucket !== undefined && interval !== undefined && Number.parseFloat(String(interval)) < 0.05)
    throw refuse('local rate limit token bucket fill timer must be >= 50ms', bucket.path);
}

function checkAccess(configuration: Part, refuse: Refuse): void {
  for (const matcher of [at(configuration, 'matcher'), at(configuration, 'shadow_matcher')])
    checkMatcher(matcher, matcherPlaces.requestAccess, refuse);
}

function checkExternalAuthorization(configuration: Part, refuse: Refuse): void {
  if (at(configuration, 'grpc_service')) return;
  const service = at(configuration, 'http_service');
  // Envoy takes it, and has nobody to ask.
  if (!service)
    throw refuse('ext_authz has no service to ask: http_service or grpc_service names one', configuration.path);
  const prefix = String(service.value.path_prefix ?? '');
  if (prefix !== '' && !prefix.startsWith('/'))
    throw refuse('path_prefix should start with "/".', [...service.path, 'path_prefix']);
}

/** Envoy finds these by their names alone. */
const sessionStates = /^envoy\.http\.stateful_session\.(cookie|header)$/;

function checkSessionState(configuration: Part, refuse: Refuse): void {
  const state = at(configuration, 'session_state');
  if (state === undefined) return;
  const { name = '', typed_config: any } = state.value;
  const [, kind] = sessionStates.exec(String(name)) ?? [];
  if (kind === undefined) throw refuse(`Didn't find a registered implementation for name: '${name}'`, state.path);
  const type = isObject(any) ? String(any['@type']) : '';
  if (type.includes(`.stateful_session.${kind}.`)) return;
  throw refuse(`${name}: its typed_config is that of another kind of state, or missing`, state.path);
}

/** What is said to filters at some level of the routes. */
export function checkFilterConfigs(level: Part, refuse: Refuse): void {
  const configs = at(level, 'typed_per_filter_config');
  for (const name of Object.keys(configs?.value ?? {})) {
    const stated = at(configs!, name);
    const config = stated && (at(stated, 'config') ?? stated);
    if (config) checkFilterConfig(config, refuse);
  }
}

function checkFilterConfig(config: Part, refuse: Refuse): void {
  const { value, path } = config;
  if (isOf(config, 'local_ratelimit.v3.LocalRateLimit') && value.token_bucket === undefined)
    throw refuse('local rate limit token bucket must be set for per filter configs', path);
  if (isOf(config, 'local_ratelimit.v3.LocalRateLimit')) checkBucket(config, refuse);
  if (isOf(config, 'bandwidth_limit.v3.BandwidthLimit') && value.limit_kbps === undefined)
    throw refuse('limit must be set for per route filter config', path);
  const access = at(config, 'rbac');
  if (isOf(config, 'rbac.v3.RBACPerRoute') && access) checkAccess(access, refuse);
  const session = at(config, 'stateful_session');
  if (isOf(config, 'stateful_session.v3.StatefulSessionPerRoute') && session) checkSessionState(session, refuse);
}

/** What Envoy refuses beyond its schema, in its words. */
import { isIP } from 'node:net';
import { checkBalancer, checkOwnCluster } from './balancer-rules.ts';
import { checkConnections } from './bind-rules.ts';
import { checkChainChoice } from './chain-rules.ts';
import { checkClusterType } from './cluster-type-rules.ts';
import { checkConfigSources } from './config-source-rules.ts';
import { ConfigurationError, type Path } from './errors.ts';
import { checkRouteChoice, routesOf } from './host-routes.ts';
import { checkFilterConfigs, checkHttpFilter } from './http-filter-rules.ts';
import { checkInternalRedirects } from './internal-redirect-rules.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { checkListenerAddress, checkListenerAddresses, requireIp } from './listener-address-rules.ts';
import { checkNameServers, checkNames } from './name-rules.ts';
import { nearest } from './nearest.ts';
import { checkNetworkFilters } from './network-filter-rules.ts';
import { at, list, type Part, type Refuse, requireTypedConfig } from './parts.ts';
import { checkScopes } from './scope-rules.ts';
import { checkDownstreamSocket, checkUpstreamSocket } from './transport-socket-rules.ts';
import { checkManagedUpgrades, checkRouterIsLast, checkRouteUpgrades } from './upgrade-rules.ts';

type PositionOf = (path: Path) => string;

/** Throws the first thing that cannot work. */
export function checkSemantics(document: JsonObject, positionOf: PositionOf): void {
  const refuse = (reason: string, path: Path) => new ConfigurationError(reason, { path, position: positionOf(path) });
  const root: Part = { value: document, path: [] };
  const admin = at(root, 'admin', 'address', 'socket_address');
  if (admin) requireIp(admin, refuse);
  checkNameServers(root, refuse);
  const clusters = list(root, 'static_resources', 'clusters');
  checkClusters(clusters, at(root, 'cluster_manager', 'upstream_bind_config'), refuse);
  const reachable = clusters.filter(({ value }) => value.type !== 'EDS').map(({ value }) => String(value.name));
  const aggregated = at(root, 'dynamic_resources', 'ads_config') !== undefined;
  checkConfigSources(document, { clusters: reachable, aggregated }, refuse);
  refuseRuntimeKeys(document, refuse);
  const names = clusters.map(({ value }) => String(value.name));
  checkOwnCluster(root, names, refuse);
  const listeners = list(root, 'static_resources', 'listeners');
  for (const listener of listeners) checkListener(listener, names, refuse);
  checkListenerAddresses(listeners, refuse);
}

/**
 * The same for one resource that comes while the proxy runs.
 * @param names the clusters that routes may name; undefined: any
 */
export function checkResourceSemantics(
  typeName: string,
  document: JsonObject,
  names: readonly string[] | undefined,
  positionOf: PositionOf,
): void {
  const refuse = (reason: string, path: Path) => new ConfigurationError(reason, { path, position: positionOf(path) });
  const root: Part = { value: document, path: [] };
  checkConfigSources(document, undefined, refuse);
  if (typeName === 'envoy.config.cluster.v3.Cluster') checkClusters([root], undefined, refuse);
  if (typeName === 'envoy.config.endpoint.v3.ClusterLoadAssignment') requireIps(endpointsOf(root), refuse);
  if (typeName === 'envoy.config.listener.v3.Listener') checkListener(root, names, refuse);
  if (typeName === 'envoy.config.route.v3.RouteConfiguration')
    checkRoutes(root, document.validate_clusters === true ? names : undefined, refuse);
  if (typeName === 'envoy.config.route.v3.VirtualHost')
    checkRoutes({ value: { virtual_hosts: [document] }, path: [] }, undefined, refuse);
}

/** Filters of access logs take their default alone: a layer that would change one is refused. */
function refuseRuntimeKeys(document: JsonObject, refuse: Refuse): void {
  const keys = new Set<string>();
  const collect = (value: Json): void => {
    if (Array.isArray(value)) value.forEach(collect);
    if (!isObject(value)) return;
    const compared = isObject(value.comparison) ? value.comparison.value : undefined;
    if (isObject(compared) && typeof compared.runtime_key === 'string') keys.add(compared.runtime_key);
    for (const inner of Object.values(value)) if (inner !== undefined) collect(inner);
  };
  collect(document);
  const search = (value: Json, name: string, path: Path): void => {
    if (keys.has(name)) throw refuse(`changing '${name}' by runtime is not supported by this proxy`, path);
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value))
      if (inner !== undefined) search(inner, name === '' ? key : `${name}.${key}`, [...path, key]);
  };
  for (const layer of list({ value: document, path: [] }, 'layered_runtime', 'layers')) {
    const values = at(layer, 'static_layer');
    if (values) search(values.value, '', values.path);
  }
}

/** @param bind where connections come from where a cluster does not say */
function checkClusters(clusters: readonly Part[], bind: Part | undefined, refuse: Refuse): void {
  const seen = new Set<string>();
  for (const cluster of clusters) {
    const name = String(cluster.value.name);
    if (seen.has(name)) throw refuse(`cluster manager: duplicate cluster '${name}'`, [...cluster.path, 'name']);
    seen.add(name);
    checkClusterType(cluster, refuse);
    checkNames(cluster, refuse);
    checkEndpoints(cluster, refuse);
    checkOutlierDetection(cluster, refuse);
    checkHealthChecks(cluster, refuse);
    checkSubsets(cluster, refuse);
    checkBalancer(cluster, refuse);
    checkUpstreamSocket(cluster, refuse);
    checkConnections(cluster, bind, refuse);
  }
}

function checkHealthChecks(cluster: Part, refuse: Refuse): void {
  const checks = list(cluster, 'health_checks');
  if (checks.length > 1) throw refuse('Multiple health checks not supported', checks[1]!.path);
  for (const check of checks) {
    const http = at(check, 'http_health_check');
    if (http !== undefined) checkHttpHealthCheck(http, refuse);
  }
}

const bodiless = new Set(['METHOD_UNSPECIFIED', 'GET', 'HEAD', 'DELETE', 'TRACE']);

function checkHttpHealthCheck(check: Part, refuse: Refuse): void {
  for (const kind of ['expected', 'retriable'] as const)
    for (const range of list(check, `${kind}_statuses`)) checkStatuses(kind, range, refuse);
  const send = at(check, 'send');
  const method = String(check.value.method ?? 'METHOD_UNSPECIFIED');
  if (send === undefined || !bodiless.has(method)) return;
  const named = method === 'METHOD_UNSPECIFIED' ? 'GET' : method;
  const rule = `HTTP health check cannot specify a request payload with method '${named}'. Only methods that support a request body (POST, PUT, PATCH, OPTIONS) can be used with payload.`;
  throw refuse(rule, send.path);
}

function checkStatuses(kind: string, range: Part, refuse: Refuse): void {
  const [start, end] = [Number(range.value.start ?? 0), Number(range.value.end ?? 0)];
  const wrong = (expected: string, found: string) =>
    refuse(`Invalid http ${kind} status range: expecting ${expected}, but found ${found}`, range.path);
  if (start >= end) throw wrong('start < end', `start=${start} and end=${end}`);
  if (start < 100) throw wrong('start >= 100', `start=${start}`);
  if (end > 600) throw wrong('end <= 600', `end=${end}`);
}

/** As Envoy, and with its words. */
function checkOutlierDetection(cluster: Part, refuse: Refuse): void {
  const detection = at(cluster, 'outlier_detection');
  if (detection === undefined) return;
  const { base_ejection_time: base = '30s', max_ejection_time: most } = detection.value;
  if (most === undefined || secondsOf(most) >= secondsOf(base)) return;
  const rule = "outlier detector's max_ejection_time cannot be smaller than base_ejection_time";
  throw refuse(rule, [...detection.path, 'max_ejection_time']);
}

/** As Envoy, and with its words. */
function checkSubsets(cluster: Part, refuse: Refuse): void {
  for (const selector of list(cluster, 'lb_subset_config', 'subset_selectors')) {
    const { fallback_policy: policy, keys = [], fallback_keys_subset: fewer = [] } = selector.value;
    const [all, some] = [new Set(keys as string[]), new Set(fewer as string[])];
    const path = [...selector.path, 'fallback_keys_subset'];
    if (policy !== 'KEYS_SUBSET') {
      const rule = 'fallback_keys_subset can be set only for KEYS_SUBSET fallback_policy';
      if (some.size > 0) throw refuse(rule, path);
      continue;
    }
    if (some.size === 0) throw refuse('fallback_keys_subset cannot be empty', path);
    if ([...some].some(key => !all.has(key)))
      throw refuse('fallback_keys_subset must be a subset of selector keys', path);
    if (some.size === all.size) throw refuse('fallback_keys_subset cannot be equal to keys', path);
  }
}

const secondsOf = (text: Json | undefined): number => Number(String(text).replace(/s$/, ''));

function checkEndpoints(cluster: Part, refuse: Refuse): void {
  const type = String(cluster.value.type ?? 'STATIC');
  const endpoints = list(cluster, 'load_assignment', 'endpoints').flatMap(locality => list(locality, 'lb_endpoints'));
  if (type === 'LOGICAL_DNS' && endpoints.length !== 1) {
    throw refuse('LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint', [
      ...cluster.path,
      'load_assignment',
    ]);
  }
  if (type === 'STATIC') requireIps(endpoints, refuse);
  if (type === 'STRICT_DNS' || type === 'LOGICAL_DNS') requireNames(endpoints, refuse);
}

function endpointsOf(assignment: Part): Part[] {
  return list(assignment, 'endpoints').flatMap(locality => list(locality, 'lb_endpoints'));
}

/** Names are looked up for DNS clusters alone. */
function requireIps(endpoints: readonly Part[], refuse: Refuse): void {
  for (const endpoint of endpoints) {
    checkCheckedPort(endpoint, refuse);
    const address = at(endpoint, 'endpoint', 'address', 'socket_address');
    if (!address || isIP(String(address.value.address)) !== 0) continue;
    const advice = "Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'";
    throw refuse(`malformed IP address: ${address.value.address}. ${advice}`, [...address.path, 'address']);
  }
}

function checkCheckedPort(endpoint: Part, refuse: Refuse): void {
  const { port_value: port = 0 } = at(endpoint, 'endpoint', 'health_check_config')?.value ?? {};
  const pipe =
    at(endpoint, 'endpoint', 'health_check_config', 'address', 'pipe') ?? at(endpoint, 'endpoint', 'address', 'pipe');
  const isElsewhere = at(endpoint, 'endpoint', 'health_check_config', 'address', 'socket_address') !== undefined;
  if (port === 0 || pipe === undefined || isElsewhere) return;
  throw refuse('Invalid host configuration: non-zero port for non-IP address', pipe.path);
}

/** A pipe has no name that could be looked up: with Envoy such a cluster never has a host. */
function requireNames(endpoints: readonly Part[], refuse: Refuse): void {
  for (const endpoint of endpoints) {
    const pipe = at(endpoint, 'endpoint', 'address', 'pipe');
    if (pipe !== undefined) throw refuse('a pipe is no name to look up: use STATIC or EDS', pipe.path);
  }
}

function checkListener(listener: Part, clusters: readonly string[] | undefined, refuse: Refuse): void {
  const name = checkListenerAddress(listener, refuse);
  const chains = list(listener, 'filter_chains');
  const fallback = at(listener, 'default_filter_chain');
  if (chains.length === 0 && fallback === undefined)
    throw refuse(`error adding listener '${name}': no filter chains specified`, listener.path);
  for (const filter of list(listener, 'listener_filters')) requireTypedConfig(filter, refuse);
  checkChainChoice(name, listener, chains, refuse);
  for (const chain of fallback === undefined ? chains : [...chains, fallback]) checkChain(chain, clusters, refuse);
}

function checkChain(chain: Part, clusters: readonly string[] | undefined, refuse: Refuse): void {
  const filters = list(chain, 'filters');
  for (const filter of filters) checkNetworkFilter(filter, clusters, refuse);
  checkNetworkFilters(filters, refuse);
  checkDownstreamSocket(chain, refuse);
}

function checkNetworkFilter(filter: Part, clusters: readonly string[] | undefined, refuse: Refuse): void {
  requireTypedConfig(filter, refuse);
  const manager = at(filter, 'typed_config')!;
  const filters = list(manager, 'http_filters');
  const others = list(manager, 'upgrade_configs').flatMap(upgrade => list(upgrade, 'filters'));
  for (const http of [...filters, ...others]) {
    requireTypedConfig(http, refuse);
    checkHttpFilter(http, refuse);
  }
  checkRouterIsLast(filters, 'http', refuse);
  checkManagedUpgrades(manager, refuse);
  for (const log of list(manager, 'access_log')) requireTypedConfig(log, refuse);
  const routes = at(manager, 'route_config');
  for (const table of [...(routes ? [routes] : []), ...checkScopes(manager, refuse)])
    checkRoutes(table, clusters, refuse);
}

function checkRoutes(routes: Part, clusters: readonly string[] | undefined, refuse: Refuse): void {
  const hosts = list(routes, 'virtual_hosts');
  checkDomains(routes, hosts, refuse);
  for (const level of [routes, ...hosts, ...hosts.flatMap(routeLevels)]) checkFilterConfigs(level, refuse);
  for (const host of hosts) checkRouteChoice(host, refuse);
  for (const route of hosts.flatMap(routesOf)) {
    checkRouteUpgrades(route, refuse);
    checkInternalRedirects(route, refuse);
  }
  if (at(routes, 'validate_clusters')?.value === undefined && routes.value.validate_clusters === false) return;
  for (const route of hosts.flatMap(routesOf)) checkRoute(route, clusters, refuse);
}

/** The routes of a virtual host, and what they divide requests among. */
function routeLevels(host: Part): Part[] {
  const routes = routesOf(host);
  return [...routes, ...routes.flatMap(route => list(route, 'route', 'weighted_clusters', 'clusters'))];
}

function checkDomains(routes: Part, hosts: readonly Part[], refuse: Refuse): void {
  const seen = new Set<string>();
  const name = String(routes.value.name ?? '');
  for (const host of hosts) {
    for (const [index, item] of ((host.value.domains as Json[] | undefined) ?? []).entries()) {
      const domain = String(item).toLowerCase();
      const path = [...host.path, 'domains', index];
      if (seen.has(domain) && domain === '*')
        throw refuse(`Only a single wildcard domain is permitted in route ${name}`, path);
      if (seen.has(domain)) {
        throw refuse(
          `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route ${name}`,
          path,
        );
      }
      seen.add(domain);
    }
  }
}

function checkRoute(route: Part, clusters: readonly string[] | undefined, refuse: Refuse): void {
  const action = at(route, 'route');
  if (!action) return;
  requireCluster(action, 'cluster', clusters, refuse);
  const shares = list(action, 'weighted_clusters', 'clusters');
  for (const share of shares) requireCluster(share, 'name', clusters, refuse);
  checkWeights(action, shares, refuse);
  for (const mirror of list(action, 'request_mirror_policies'))
    requireCluster(mirror, 'cluster', clusters, refuse, 'shadow cluster');
  checkRewrites(action, refuse);
  const policy = at(action, 'retry_policy');
  if (policy) checkBackOff(policy, refuse);
}

function checkRewrites(action: Part, refuse: Refuse): void {
  const stated = ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy'].filter(
    key => action.value[key] !== undefined,
  );
  if (stated.length > 1)
    throw refuse('Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy', [
      ...action.path,
      stated[1]!,
    ]);
}

function requireCluster(
  part: Part,
  key: string,
  clusters: readonly string[] | undefined,
  refuse: Refuse,
  named = 'cluster',
): void {
  const name = part.value[key];
  if (typeof name !== 'string' || name === '' || clusters === undefined || clusters.includes(name)) return;
  throw refuse(`route: unknown ${named} '${name}'${hint(name, clusters)}`, [...part.path, key]);
}

function checkWeights(action: Part, shares: readonly Part[], refuse: Refuse): void {
  const weights = at(action, 'weighted_clusters');
  if (!weights) return;
  const total = shares.reduce((sum, { value }) => sum + Number(value.weight ?? 0), 0);
  if (total > 0xffff_ffff)
    throw refuse(`The sum of weights of all weighted clusters of route  exceeds 4294967295`, weights.path);
  if (total === 0) throw refuse('Sum of weights in the weighted_cluster must be greater than 0.', weights.path);
}

function hint(name: string, names: readonly string[]): string {
  const guess = nearest(name, names);
  return guess === undefined ? '' : ` (did you mean '${guess}'?)`;
}

function checkBackOff(policy: Part, refuse: Refuse): void {
  const backOff = at(policy, 'retry_back_off');
  if (!backOff) return;
  const { base_interval: base, max_interval: max } = backOff.value;
  if (max !== undefined && secondsOf(max) < secondsOf(base)) {
    throw refuse('retry_policy.max_interval must greater than or equal to the base_interval', [
      ...backOff.path,
      'max_interval',
    ]);
  }
}

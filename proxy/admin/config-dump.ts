/** /config_dump: the configuration that runs, in the parts of envoy.admin.v3.ConfigDump. */
import type { DynamicResource, DynamicResources } from '../admin-source.ts';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { describeRegexError } from '../regex-error.ts';
import { endpointsDump } from './endpoints-dump.ts';
import { type AdminReply, json } from './reply.ts';

const url = (type: string) => `type.googleapis.com/envoy.${type}`;

/** What is dumped: the bootstrap in canonical JSON, when it was loaded, and what came since. */
export interface DumpSource {
  document: JsonObject;
  loadedAt: Date;
  dynamic: DynamicResources;
}

/** Answers with everything, or with the part that `resource`, `mask`, `name_regex` and `include_eds` ask for. */
export function handleConfigDump(shown: DumpSource, query: URLSearchParams): AdminReply {
  const source = { ...shown, document: redacted(shown.document) as JsonObject };
  const matches = nameMatcher(query.get('name_regex'));
  if (typeof matches === 'string') {
    const body = `INVALID_ARGUMENT: Error while parsing name_regex from ${query.get('name_regex')}: ${matches}`;
    return { status: 400, contentType: 'text/plain', body };
  }
  const configs = dumpConfigs(source, query.has('include_eds'), matches);
  const resource = query.get('resource');
  const mask = query.get('mask');
  if (resource) return dumpResource(configs, resource, mask);
  if (!mask) return json({ configs });
  const masked = configs.flatMap(config => applyMask(config, mask) ?? []);
  if (masked.length > 0) return json({ configs: masked });
  return refuse(`FieldMask ${mask} could not be successfully applied to any configs.`, 400);
}

const secrets = new Set(['private_key', 'password']);
const redactedText = '[redacted]';

/** Without what certificates keep to themselves. */
function redacted(value: Json): Json {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isObject(value)) return value;
  const hides = 'certificate_chain' in value || 'private_key' in value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      hides && secrets.has(key) && isObject(inner) ? hidden(inner) : redacted(inner ?? null),
    ]),
  );
}

/** A source says where it comes from no more than what it holds. */
function hidden(source: JsonObject): JsonObject {
  const hide = (key: string) => (key === 'inline_bytes' ? Buffer.from(redactedText).toString('base64') : redactedText);
  return Object.fromEntries(Object.keys(source).map(key => [key, hide(key)]));
}

function nameMatcher(pattern: string | null): ((name: Json | undefined) => boolean) | string {
  if (!pattern) return () => true;
  try {
    const regex = new RegExp(`^(?:${pattern})$`);
    return name => regex.test(String(name ?? ''));
  } catch (error) {
    return describeRegexError(error, pattern);
  }
}

const listenerType = 'config.listener.v3.Listener';

type NameMatcher = (name: Json | undefined) => boolean;

function dumpConfigs(
  { document, loadedAt, dynamic }: DumpSource,
  includeEndpoints: boolean,
  matches: NameMatcher,
): JsonObject[] {
  const lastUpdated = loadedAt.toISOString();
  const resources = isObject(document.static_resources) ? document.static_resources : {};
  const clusters = objects(resources.clusters).filter(({ name }) => matches(name));
  const listeners = objects(resources.listeners).filter(({ name }) => matches(name));
  const routes = routeConfigs(objects(resources.listeners)).filter(({ name }) => matches(name));
  const wrap = (key: string, type: string) => (value: JsonObject) => ({
    [key]: { '@type': url(type), ...value },
    last_updated: lastUpdated,
  });
  const came = (resources: Iterable<DynamicResource>, key: string, type: string) =>
    [...resources]
      .filter(({ document: { name } }) => matches(name))
      .map(({ version, document: value, lastUpdated: at }) => ({
        ...(version !== '' && { version_info: version }),
        [key]: { '@type': url(type), ...(redacted(value) as JsonObject) },
        last_updated: at.toISOString(),
      }));
  const scopesOf = (
    name: Json | undefined,
    scopes: readonly JsonObject[],
    at = loadedAt,
    version = '',
  ): JsonObject[] => {
    const shown = scopes.filter(scope => matches(scope.name));
    return [
      {
        name: name ?? '',
        ...(version !== '' && { version_info: version }),
        ...(shown.length > 0 && {
          scoped_route_configs: shown.map(scope => ({
            '@type': url('config.route.v3.ScopedRouteConfiguration'),
            ...(redacted(scope) as JsonObject),
          })),
        }),
        last_updated: at.toISOString(),
      },
    ];
  };
  const clusterType = 'config.cluster.v3.Cluster';
  const secretType = 'extensions.transport_sockets.tls.v3.Secret';
  const routeType = 'config.route.v3.RouteConfiguration';
  return [
    { '@type': url('admin.v3.BootstrapConfigDump'), bootstrap: document, last_updated: lastUpdated },
    section(
      'ClustersConfigDump',
      {
        static_clusters: clusters.map(wrap('cluster', clusterType)),
        dynamic_active_clusters: came(dynamic.clusters.active, 'cluster', clusterType),
        dynamic_warming_clusters: came(dynamic.clusters.warming, 'cluster', clusterType),
      },
      dynamic.clusters.version === '' ? {} : { version_info: dynamic.clusters.version },
    ),
    ...(includeEndpoints ? [endpointsDump(dynamic.endpoints, matches)] : []),
    listenersDump(listeners.map(wrap('listener', listenerType)), dynamic.listeners, matches),
    section('ScopedRoutesConfigDump', {
      inline_scoped_route_configs: managersOf(objects(resources.listeners)).flatMap(({ scoped_routes: scoped }) =>
        isObject(scoped) && isObject(scoped.scoped_route_configurations_list)
          ? scopesOf(scoped.name, objects(scoped.scoped_route_configurations_list.scoped_route_configurations))
          : [],
      ),
      dynamic_scoped_route_configs: [...dynamic.scopes].flatMap(({ name, version, documents, lastUpdated: at }) =>
        scopesOf(name, documents, at, version),
      ),
    }),
    section('RoutesConfigDump', {
      static_route_configs: routes.map(wrap('route_config', routeType)),
      dynamic_route_configs: came(dynamic.routes, 'route_config', routeType),
    }),
    section('SecretsConfigDump', {
      dynamic_active_secrets: came(dynamic.secrets.active, 'secret', secretType).map(nameFirst),
      dynamic_warming_secrets: [...dynamic.secrets.warming].map(name => ({
        name,
        version_info: 'uninitialized',
        secret: { '@type': url(secretType), name },
      })),
    }),
  ];
}

function listenersDump(fixed: JsonObject[], source: DynamicResources['listeners'], matches: NameMatcher): JsonObject {
  const { version, dynamic, failures } = source;
  const found = new Map<string, JsonObject>();
  const tell = (name: string, state: string, value: JsonObject): void => {
    found.set(name, { ...(found.get(name) ?? { name }), [state]: value });
  };
  for (const { name, active, warming, draining } of dynamic) {
    const states = { active_state: active, warming_state: warming, draining_state: draining };
    for (const [state, resource] of Object.entries(states))
      if (resource !== undefined) tell(name, state, listenerState(resource));
  }
  const failed = failures.map(({ document, ...failure }) => ({
    ...failure,
    configuration: { '@type': url(listenerType), ...(redacted(document) as JsonObject) },
  }));
  for (const { name, configuration, details, attempted, isDuplicate } of failed) {
    const state = { failed_configuration: configuration, last_update_attempt: attempted.toISOString(), details };
    if (!isDuplicate) tell(name, 'error_state', state);
  }
  // What went wrong with the last update stands there once more, under no name.
  const all = [...found.values()].filter(({ name }) => matches(name));
  const last = failed
    .filter(({ name }) => matches(name))
    .map(({ configuration, details }) => ({ error_state: { failed_configuration: configuration, details } }));
  const more = version === '' ? {} : { version_info: version };
  return section('ListenersConfigDump', { static_listeners: fixed, dynamic_listeners: [...all, ...last] }, more);
}

function listenerState({ version, document, lastUpdated }: DynamicResource): JsonObject {
  return {
    ...(version !== '' && { version_info: version }),
    listener: { '@type': url(listenerType), ...(redacted(document) as JsonObject) },
    last_updated: lastUpdated.toISOString(),
  };
}

/** Secrets are named beside what they hold. */
function nameFirst(entry: JsonObject): JsonObject {
  const { secret } = entry;
  return { name: isObject(secret) ? (secret.name ?? '') : '', ...entry };
}

/** A part whose lists are left out where they are empty. */
function section(type: string, lists: Record<string, JsonObject[]>, more: JsonObject = {}): JsonObject {
  const kept = Object.entries(lists).filter(([, items]) => items.length > 0);
  return { '@type': url(`admin.v3.${type}`), ...more, ...Object.fromEntries(kept) };
}

/** The route tables that are written into listeners' connection managers. */
const routeConfigs = (listeners: readonly JsonObject[]): JsonObject[] =>
  managersOf(listeners).flatMap(({ route_config: routes }) => (isObject(routes) ? [routes] : []));

/** What listeners' filters are told. */
function managersOf(listeners: readonly JsonObject[]): JsonObject[] {
  const filters = listeners
    .flatMap(({ filter_chains, default_filter_chain: fallback }) => [
      ...objects(filter_chains),
      ...(isObject(fallback) ? [fallback] : []),
    ])
    .flatMap(chain => objects(chain.filters));
  return filters.flatMap(({ typed_config }) => (isObject(typed_config) ? [typed_config] : []));
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The message type of each repeated field that can be asked for by name. */
const resourceTypes: Record<string, string> = {
  static_clusters: 'ClustersConfigDump.StaticCluster',
  dynamic_active_clusters: 'ClustersConfigDump.DynamicCluster',
  dynamic_warming_clusters: 'ClustersConfigDump.DynamicCluster',
  static_listeners: 'ListenersConfigDump.StaticListener',
  dynamic_listeners: 'ListenersConfigDump.DynamicListener',
  static_route_configs: 'RoutesConfigDump.StaticRouteConfig',
  dynamic_route_configs: 'RoutesConfigDump.DynamicRouteConfig',
  inline_scoped_route_configs: 'ScopedRoutesConfigDump.InlineScopedRouteConfigs',
  dynamic_scoped_route_configs: 'ScopedRoutesConfigDump.DynamicScopedRouteConfigs',
  static_endpoint_configs: 'EndpointsConfigDump.StaticEndpointConfig',
  dynamic_endpoint_configs: 'EndpointsConfigDump.DynamicEndpointConfig',
  static_secrets: 'SecretsConfigDump.StaticSecret',
  dynamic_active_secrets: 'SecretsConfigDump.DynamicSecret',
  dynamic_warming_secrets: 'SecretsConfigDump.DynamicSecret',
};

function dumpResource(configs: readonly JsonObject[], resource: string, mask: string | null): AdminReply {
  if (resource === 'bootstrap') {
    return refuse(`${resource} is not a repeated field. Use ?mask=${resource} to get only this field`, 400);
  }
  const type = resourceTypes[resource];
  if (!type) return refuse(`${resource} not found in config dump`, 404);
  const found = configs
    .flatMap(config => objects(config[resource]))
    .map(item => ({ '@type': url(`admin.v3.${type}`), ...item }));
  const items = mask ? found.map(item => applyMask(item, mask)) : found;
  if (items.some(item => item === undefined))
    return refuse(`FieldMask paths: "${mask}"\n could not be successfully used.`, 400);
  return json(items.length === 0 ? {} : { configs: items });
}

/** Keeps the fields that a mask names (`a.b,c`); undefined where it names none of the message's. */
export function applyMask(message: JsonObject, mask: string): JsonObject | undefined {
  const kept: JsonObject = {};
  for (const path of mask.split(',').filter(Boolean)) copyPath(message, kept, path.split('.'));
  if (Object.keys(kept).length === 0) return undefined;
  return message['@type'] === undefined ? kept : { '@type': message['@type'], ...kept };
}

function copyPath(from: JsonObject, to: JsonObject, [key = '', ...rest]: string[]): void {
  const value = from[key];
  if (value === undefined) return;
  if (rest.length === 0 || !isObject(value)) {
    to[key] = value;
    return;
  }
  const before = to[key];
  const inner: JsonObject = isObject(before) ? before : value['@type'] === undefined ? {} : { '@type': value['@type'] };
  to[key] = inner;
  copyPath(value, inner, rest);
}

/** Envoy says `x-content-type-options` twice in these. */
function refuse(body: string, status: number): AdminReply {
  return { status, contentType: 'text/plain', body, nosniffTwice: true };
}

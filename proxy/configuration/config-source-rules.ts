/** What Envoy refuses of where resources are to come from. */
import type { Path } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import type { Refuse } from './parts.ts';

/** What sources may build on; undefined where it is not known: resources that come later do not know the bootstrap. */
export interface SourceGrounds {
  /** Clusters of the bootstrap that do not themselves wait for a source. */
  clusters: readonly string[];
  /** Whether there is a stream for all kinds. */
  aggregated: boolean;
}

const message = 'envoy.config.core.v3.ApiConfigSource';

/** Throws the first source within a document that cannot work. */
export function checkConfigSources(document: JsonObject, grounds: SourceGrounds | undefined, refuse: Refuse): void {
  walk(document, [], (value, path) => {
    const source = value.api_config_source;
    if (isObject(source)) checkApi(source, [...path, 'api_config_source'], grounds, refuse);
    const stream = value.ads_config;
    if (isObject(stream)) checkApi(stream, [...path, 'ads_config'], grounds, refuse);
    if (isObject(value.ads) && grounds?.aggregated === false)
      throw refuse('ads asks for the stream of dynamic_resources.ads_config, and there is none', [...path, 'ads']);
  });
}

function checkApi(source: JsonObject, path: Path, grounds: SourceGrounds | undefined, refuse: Refuse): void {
  const services = Array.isArray(source.grpc_services) ? source.grpc_services : [];
  const names = Array.isArray(source.cluster_names) ? source.cluster_names : [];
  if (services.length + names.length === 0)
    throw refuse('API configs must have either a gRPC service or a cluster name defined', path);
  if (source.api_type === 'REST') {
    checkRest(source, path, refuse);
    requireCluster(String(names[0]), [...path, 'cluster_names', 0], grounds, refuse);
    return;
  }
  if (source.transport_api_version !== 'V3')
    throw refuse('V2 (and AUTO) xDS transport protocol versions are deprecated: say V3', [
      ...path,
      'transport_api_version',
    ]);
  if (names.length > 0) throw refuse(`${message}::GRPC must not have a cluster name specified`, path);
  if (services.length > 1) throw refuse(`${message}::GRPC must have a single gRPC service specified`, path);
  const [service] = services;
  const target = isObject(service) && isObject(service.envoy_grpc) ? service.envoy_grpc : {};
  const named = ['grpc_services', 0, 'envoy_grpc', 'cluster_name'];
  requireCluster(String(target.cluster_name ?? ''), [...path, ...named], grounds, refuse);
}

/** What is asked again and again, by plain HTTP. */
function checkRest(source: JsonObject, path: Path, refuse: Refuse): void {
  if (path.at(-1) === 'ads_config') throw refuse(`${message} type must be of non-aggregated gRPC`, path);
  if (Array.isArray(source.grpc_services) && source.grpc_services.length > 0)
    throw refuse(`${message}, if not a gRPC type, must not have a gRPC service specified`, path);
  if (Array.isArray(source.cluster_names) && source.cluster_names.length > 1)
    throw refuse(`${message} must have a singleton cluster name specified`, path);
  if (source.refresh_delay === undefined)
    throw refuse('refresh_delay is required for REST API configuration sources', path);
  // Envoy divides by it, and dies.
  if (secondsOf(source.refresh_delay) < 0.001)
    throw refuse('the refresh_delay of a REST API configuration source is at least 0.001s', [...path, 'refresh_delay']);
}

function requireCluster(name: string, path: Path, grounds: SourceGrounds | undefined, refuse: Refuse): void {
  if (grounds === undefined || grounds.clusters.includes(name)) return;
  const reason = `'${name}' does not exist, was added via api, or is an EDS cluster`;
  throw refuse(`${message} must have a statically defined non-EDS cluster: ${reason}`, path);
}

/** Of a Duration in canonical JSON: `0.5s`. */
const secondsOf = (duration: Json): number => Number.parseFloat(String(duration));

function walk(value: Json | undefined, path: Path, visit: (value: JsonObject, path: Path) => void): void {
  if (Array.isArray(value)) for (const [index, inner] of value.entries()) walk(inner, [...path, index], visit);
  if (!isObject(value)) return;
  visit(value, path);
  for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key], visit);
}

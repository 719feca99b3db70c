/** Little languages within the configuration (regular expressions, log formats), checked where they stand. */
import { isIP } from 'node:net';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { compileFormat } from '../access-log/format.ts';
import { compileJsonFormat } from '../access-log/json-format.ts';
import { ExprSchema } from '../api/google/api/expr/v1alpha1/syntax_pb.js';
import { compileExpression, compileParsedExpression } from '../cel/expression.ts';
import { describeRegexError } from '../regex-error.ts';
import { makeFormatter } from '../routing/value-format.ts';
import { isObject, type JsonObject } from './json.ts';
import { metadataRuleProblem } from './metadata-rules.ts';
import { checkTlsContext } from './tls-rules.ts';
import { authenticationProblem } from './token-rules.ts';

/** What is wrong with the text in a field, and the field. */
export interface EmbeddedProblem {
  field: string;
  reason: string;
}

/** The first problem of a message's texts. */
export function embeddedProblem(typeName: string, value: JsonObject): EmbeddedProblem | undefined {
  switch (typeName) {
    case 'envoy.type.matcher.v3.RegexMatcher':
    case 'xds.type.matcher.v3.RegexMatcher':
      return tried(
        'regex',
        () => void new RegExp(String(value.regex), 'su'),
        error => describeRegexError(error, String(value.regex)),
      );
    case 'envoy.config.core.v3.CidrRange':
    case 'xds.core.v3.CidrRange':
      if (isIP(String(value.address_prefix)) !== 0) return undefined;
      return { field: 'address_prefix', reason: `malformed IP address: ${value.address_prefix}` };
    case 'envoy.config.listener.v3.Listener':
    case 'envoy.config.endpoint.v3.Endpoint':
    case 'envoy.config.endpoint.v3.Endpoint.HealthCheckConfig':
    case 'envoy.config.bootstrap.v3.Admin':
      return datagramProblem(value);
    case 'envoy.config.core.v3.SubstitutionFormatString':
      return formatProblem(value);
    case 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter':
    case 'envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor':
    case 'envoy.config.rbac.v3.Policy':
    case 'xds.type.v3.CelExpression':
      return expressionProblem(value);
    case 'envoy.config.accesslog.v3.ExtensionFilter':
      return kindProblem('typed_config', value, 'access log filter', [expressionFilterType]);
    case 'envoy.config.route.v3.RateLimit.Action':
      if (!isObject(value.extension)) return undefined;
      return kindProblem('extension', value.extension, 'rate limit descriptor', [expressionDescriptorType]);
    case 'envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule':
      return metadataRuleProblem(value);
    case 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication':
      return authenticationProblem(value);
    case 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext':
    case 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext':
      return tried('common_tls_context', () => checkTlsContext(typeName, value));
    case 'envoy.extensions.filters.http.health_check.v3.HealthCheck':
      if (value.pass_through_mode === true || Number.parseFloat(String(value.cache_time ?? 0)) === 0) return undefined;
      return { field: 'cache_time', reason: 'cache_time_ms must not be set when path_through_mode is disabled' };
    case 'envoy.extensions.filters.http.compressor.v3.Compressor':
      return libraryProblem('compressor', value);
    case 'envoy.extensions.filters.http.decompressor.v3.Decompressor':
      return libraryProblem('decompressor', value);
    case 'envoy.config.core.v3.HeaderValueOption':
      return isObject(value.header) ? addedHeaderProblem(value.header) : undefined;
    case 'envoy.config.trace.v3.ZipkinConfig':
      if (value.collector_endpoint_version !== undefined) return undefined;
      return { field: 'collector_endpoint_version', reason: 'the default is no longer available: set HTTP_JSON' };
    case 'envoy.config.core.v3.GrpcService':
      return metadataProblem(value);
    case 'envoy.config.common.mutation_rules.v3.HeaderMutation':
      // Stricter than Envoy, which takes it and then refuses the requests.
      return isFixed(String(value.remove ?? '')) ? { field: 'remove', reason: notRemoved } : undefined;
    case 'envoy.config.route.v3.RouteConfiguration':
    case 'envoy.config.route.v3.VirtualHost':
    case 'envoy.config.route.v3.Route':
    case 'envoy.config.route.v3.WeightedCluster.ClusterWeight':
      return removedHeaderProblem(value);
    default:
      return undefined;
  }
}

/** Any extension may stand there by the schema; only those of the right kind make sense. */
function libraryProblem(kind: 'compressor' | 'decompressor', value: JsonObject): EmbeddedProblem | undefined {
  const field = `${kind}_library`;
  const any = isObject(value[field]) ? value[field].typed_config : undefined;
  const type = isObject(any) ? String(any['@type']) : '';
  if (new RegExp(`/envoy\\.extensions\\.compression\\.\\w+\\.${kind}\\.`).test(type)) return undefined;
  return { field, reason: `Didn't find a registered ${kind} library with type URL: '${type.replace(/.*\//, '')}'` };
}

/** Datagrams go to collectors of statistics alone. */
function datagramProblem({ address }: JsonObject): EmbeddedProblem | undefined {
  const socketAddress = isObject(address) ? address.socket_address : undefined;
  if (!isObject(socketAddress) || socketAddress.protocol !== 'UDP') return undefined;
  return { field: 'address', reason: 'the protocol UDP is not supported by this proxy' };
}

/** What makes a request what it is, its host above all, is changed by rewriting alone. */
const notRemoved = ':-prefixed or host headers may not be removed';
const isFixed = (name: string): boolean => name.startsWith(':') || name.toLowerCase() === 'host';

function addedHeaderProblem({ key, value }: JsonObject): EmbeddedProblem | undefined {
  if (isFixed(String(key))) return { field: 'header', reason: ':-prefixed or host headers may not be modified' };
  return tried('header', () => void makeFormatter(String(value ?? '')));
}

function metadataProblem({ initial_metadata: fields }: JsonObject): EmbeddedProblem | undefined {
  for (const field of Array.isArray(fields) ? fields : []) {
    const value = isObject(field) ? String(field.value ?? '') : '';
    const problem = tried('initial_metadata', () => void makeFormatter(value));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function removedHeaderProblem(level: JsonObject): EmbeddedProblem | undefined {
  for (const field of ['request_headers_to_remove', 'response_headers_to_remove']) {
    const names = level[field];
    if (Array.isArray(names) && names.some(name => isFixed(String(name)))) return { field, reason: notRemoved };
  }
  return undefined;
}

/** Any extension may stand there by the schema. @param kinds the types that make sense */
function kindProblem(
  field: string,
  { typed_config: any }: JsonObject,
  what: string,
  kinds: readonly string[],
): EmbeddedProblem | undefined {
  const type = isObject(any) ? String(any['@type']).replace(/.*\//, '') : '';
  if (kinds.includes(type)) return undefined;
  return { field, reason: `Didn't find a registered ${what} with type URL: '${type}'` };
}

/** Of access log filters and descriptors as text, of policies and descriptors as it is parsed. */
function expressionProblem(value: JsonObject): EmbeddedProblem | undefined {
  for (const field of ['expression', 'text'])
    if (typeof value[field] === 'string') return tried(field, () => void compileExpression(value[field] as string));
  for (const field of ['parsed', 'condition', 'checked_condition', 'parsed_expr', 'checked_expr']) {
    const stated = value[field];
    if (!isObject(stated)) continue;
    // Some hold it besides what was found out about it.
    const json = field === 'parsed' || field === 'condition' ? stated : (stated.expr ?? {});
    return tried(field, () => void compileParsedExpression(fromJson(ExprSchema, json as JsonValue)));
  }
  return undefined;
}

const expressionFilterType = 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter';
const expressionDescriptorType = 'envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor';
const formatterTypes = ['envoy.extensions.formatter.cel.v3.Cel', 'envoy.extensions.formatter.metadata.v3.Metadata'];

function formatProblem(format: JsonObject): EmbeddedProblem | undefined {
  const { text_format, text_format_source, json_format, formatters = [] } = format;
  for (const formatter of Array.isArray(formatters) ? formatters.filter(isObject) : []) {
    const problem = kindProblem('formatters', formatter, 'formatter', formatterTypes);
    if (problem !== undefined) return problem;
  }
  if (typeof text_format === 'string') return tried('text_format', () => void compileFormat(text_format));
  if (isObject(json_format)) return tried('json_format', () => void compileJsonFormat(json_format));
  const text = isObject(text_format_source) ? text_format_source.inline_string : undefined;
  return typeof text === 'string' ? tried('text_format_source', () => void compileFormat(text)) : undefined;
}

function tried(field: string, attempt: () => void, describe?: (error: unknown) => string): EmbeddedProblem | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return { field, reason: describe ? describe(error) : error instanceof Error ? error.message : String(error) };
  }
}

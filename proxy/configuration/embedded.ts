/** Little languages within the configuration (regular expressions, log formats), checked where they stand. */

import { isIP } from 'node:net';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { compileFormat } from '../access-log/format.ts';
import { formattersOf, formatterTypes } from '../access-log/formatters.ts';
import { compileJsonFormat } from '../access-log/json-format.ts';
import { ExprSchema } from '../api/google/api/expr/v1alpha1/syntax_pb.js';
import { compileExpression, compileParsedExpression } from '../cel/expression.ts';
import { parseTarget } from '../http/target.ts';
import { describeRegexError } from '../regex-error.ts';
import { makeFormatter } from '../routing/value-format.ts';
import { filterStateProblem } from '../stated-filter-state.ts';
import { compatProblem, datagramPipeProblem, pipeProblem } from './address-rules.ts';
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
    case 'envoy.config.core.v3.Pipe':
      return pipeProblem(value);
    case 'envoy.config.core.v3.SocketAddress':
      return compatProblem(value);
    case 'envoy.config.metrics.v3.StatsdSink':
    case 'envoy.config.metrics.v3.DogStatsdSink':
      return datagramPipeProblem('address', value);
    case 'envoy.config.cluster.v3.Cluster':
      return datagramPipeProblem('dns_resolvers', value);
    case 'envoy.config.core.v3.DnsResolutionConfig':
    case 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig':
      return datagramPipeProblem('resolvers', value);
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
    case 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl':
      return successProblem(value);
    case 'envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy':
      return responseRedirectProblem(value);
    case 'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue': {
      const reason = filterStateProblem(String(value.object_key), String(value.factory_key ?? ''));
      return reason === undefined ? undefined : { field: value.factory_key ? 'factory_key' : 'object_key', reason };
    }
    case 'envoy.extensions.filters.network.ratelimit.v3.RateLimit':
      return tried('descriptors', () => void descriptorValues(value).forEach(text => void compileFormat(text)));
    case 'envoy.extensions.filters.http.health_check.v3.HealthCheck':
      if (value.pass_through_mode === true || Number.parseFloat(String(value.cache_time ?? 0)) === 0) return undefined;
      return { field: 'cache_time', reason: 'cache_time_ms must not be set when path_through_mode is disabled' };
    case 'envoy.extensions.filters.http.compressor.v3.Compressor':
      return libraryProblem('compressor', value);
    case 'envoy.extensions.filters.http.decompressor.v3.Decompressor':
      return libraryProblem('decompressor', value);
    case 'envoy.config.core.v3.Http1ProtocolOptions':
      if (value.allow_chunked_length !== true) return undefined;
      return { field: 'allow_chunked_length', reason: twoLengths };
    case 'envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat':
      if (!isObject(value.stateful_formatter)) return undefined;
      return kindProblem('stateful_formatter', value.stateful_formatter, 'header formatter', [preserveCaseType]);
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

const twoLengths =
  'a message with both a length and chunks is refused by this proxy: whoever reads it by the other one finds another request in it';
const preserveCaseType = 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';

/** What Envoy refuses of what is to count as a success. */
function successProblem({
  success_criteria: criteria,
  sr_threshold: threshold,
}: JsonObject): EmbeddedProblem | undefined {
  const { value = 0 } = isObject(threshold) && isObject(threshold.default_value) ? threshold.default_value : {};
  if (threshold !== undefined && Number(value) < 1)
    return { field: 'sr_threshold', reason: 'Success rate threshold cannot be less than 1.0%.' };
  const { http_criteria: http, grpc_criteria: grpc } = isObject(criteria) ? criteria : {};
  const field = 'success_criteria';
  const ranges = isObject(http) && Array.isArray(http.http_success_status) ? http.http_success_status : [];
  for (const { start: from, end: to } of ranges.filter(isObject)) {
    const [start, end] = [Number(from ?? 0), Number(to ?? 0)];
    if (start < 100 || end > 600 || start > end) return { field, reason: `invalid HTTP range: [${start}, ${end})` };
  }
  const codes = isObject(grpc) && Array.isArray(grpc.grpc_success_status) ? grpc.grpc_success_status : [];
  const unknown = codes.find(code => Number(code) > 16);
  return unknown === undefined ? undefined : { field, reason: `invalid gRPC code ${unknown}` };
}

/** What Envoy refuses of where other responses come from. */
function responseRedirectProblem({ uri, redirect_action: action }: JsonObject): EmbeddedProblem | undefined {
  if (typeof uri === 'string' && parseTarget(uri) === undefined)
    return { field: 'uri', reason: `Invalid uri specified for redirection for custom response: ${uri}` };
  if (!isObject(action)) return undefined;
  const field = 'redirect_action';
  for (const kind of ['regex_rewrite', 'prefix_rewrite'])
    if (action[kind] !== undefined) return { field, reason: `${kind} is not supported for Custom Response` };
  const path = String(action.path_redirect ?? '');
  if (!path.includes('#')) return undefined;
  const reason = `#fragment is not supported for custom response. Specified path_redirect is ${path}`;
  return { field, reason };
}

function descriptorValues({ descriptors }: JsonObject): string[] {
  const all = Array.isArray(descriptors) ? descriptors.filter(isObject) : [];
  const entries = all.flatMap(one => (Array.isArray(one.entries) ? one.entries : [])).filter(isObject);
  return entries.map(({ value }) => String(value));
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

function formatProblem(format: JsonObject): EmbeddedProblem | undefined {
  const { text_format, text_format_source, json_format } = format;
  const extensions = Array.isArray(format.formatters) ? format.formatters.filter(isObject) : [];
  for (const formatter of extensions) {
    const problem = kindProblem('formatters', formatter, 'formatter', formatterTypes);
    if (problem !== undefined) return problem;
  }
  const formatters = formattersOf(
    extensions.map(({ typed_config: config }) => String(isObject(config) ? config['@type'] : '')),
  );
  if (typeof text_format === 'string')
    return tried('text_format', () => void compileFormat(text_format, false, formatters));
  if (isObject(json_format)) return tried('json_format', () => void compileJsonFormat(json_format, false, formatters));
  const text = isObject(text_format_source) ? text_format_source.inline_string : undefined;
  return typeof text === 'string'
    ? tried('text_format_source', () => void compileFormat(text, false, formatters))
    : undefined;
}

function tried(field: string, attempt: () => void, describe?: (error: unknown) => string): EmbeddedProblem | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return { field, reason: describe ? describe(error) : error instanceof Error ? error.message : String(error) };
  }
}

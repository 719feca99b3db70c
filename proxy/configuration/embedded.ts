/** Little languages within the configuration (regular expressions, log formats), checked where they stand. */
import { isIP } from 'node:net';
import { compileFormat } from '../access-log/format.ts';
import { compileJsonFormat } from '../access-log/json-format.ts';
import { describeRegexError } from '../regex-error.ts';
import { makeFormatter } from '../routing/value-format.ts';
import { isObject, type JsonObject } from './json.ts';
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
      return tried(
        'regex',
        () => void new RegExp(String(value.regex), 'su'),
        error => describeRegexError(error, String(value.regex)),
      );
    case 'envoy.config.core.v3.CidrRange':
      if (isIP(String(value.address_prefix)) !== 0) return undefined;
      return { field: 'address_prefix', reason: `malformed IP address: ${value.address_prefix}` };
    case 'envoy.config.core.v3.SubstitutionFormatString':
      return formatProblem(value);
    case 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication':
      return authenticationProblem(value);
    case 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext':
    case 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext':
      return tried('common_tls_context', () => checkTlsContext(typeName, value));
    case 'envoy.extensions.filters.http.health_check.v3.HealthCheck':
      if (value.pass_through_mode === true || Number.parseFloat(String(value.cache_time ?? 0)) === 0) return undefined;
      return { field: 'cache_time', reason: 'cache_time_ms must not be set when path_through_mode is disabled' };
    case 'envoy.config.core.v3.HeaderValueOption':
      return isObject(value.header) ? addedHeaderProblem(value.header) : undefined;
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

/** What makes a request what it is, its host above all, is changed by rewriting alone. */
const notRemoved = ':-prefixed or host headers may not be removed';
const isFixed = (name: string): boolean => name.startsWith(':') || name.toLowerCase() === 'host';

function addedHeaderProblem({ key, value }: JsonObject): EmbeddedProblem | undefined {
  if (isFixed(String(key))) return { field: 'header', reason: ':-prefixed or host headers may not be modified' };
  return tried('header', () => void makeFormatter(String(value ?? '')));
}

function removedHeaderProblem(level: JsonObject): EmbeddedProblem | undefined {
  for (const field of ['request_headers_to_remove', 'response_headers_to_remove']) {
    const names = level[field];
    if (Array.isArray(names) && names.some(name => isFixed(String(name)))) return { field, reason: notRemoved };
  }
  return undefined;
}

function formatProblem({ text_format, text_format_source, json_format }: JsonObject): EmbeddedProblem | undefined {
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

/** Little languages within the configuration (regular expressions, log formats), checked where they stand. */
import { isIP } from 'node:net';
import { compileFormat } from '../access-log/format.ts';
import { compileJsonFormat } from '../access-log/json-format.ts';
import { describeRegexError } from '../regex-error.ts';
import { isObject, type JsonObject } from './json.ts';

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
    default:
      return undefined;
  }
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

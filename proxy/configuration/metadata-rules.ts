/** What Envoy refuses of the configuration of header_to_metadata, in its words. */
import { isObject, type JsonObject } from './json.ts';

interface Problem {
  field: string;
  reason: string;
}

/** The first problem of an `envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule`. */
export function metadataRuleProblem(rule: JsonObject): Problem | undefined {
  const { header = '', cookie = '', on_header_present: present, on_header_missing: missing } = rule;
  if (header === '' && cookie === '')
    return { field: 'header', reason: 'One of Cookie or Header option needs to be specified' };
  if (header !== '' && cookie !== '')
    return { field: 'cookie', reason: 'Cannot specify both header and cookie in the same rule' };
  if (present === undefined && missing === undefined) {
    const named = header === '' ? `cookie '${cookie}'` : `header '${header}'`;
    const reason = `header to metadata filter: rule for ${named} has neither \`on_header_present\` nor \`on_header_missing\` set`;
    return { field: 'on_header_present', reason };
  }
  if (header === '' && rule.remove === true) return { field: 'remove', reason: 'Cannot specify remove for cookie' };
  if (isObject(present) && has(present, 'value') && present.regex_value_rewrite !== undefined)
    return { field: 'on_header_present', reason: 'Cannot specify both value and regex_value_rewrite' };
  if (isObject(missing) && !has(missing, 'value'))
    return { field: 'on_header_missing', reason: 'Cannot specify on_header_missing rule with an empty value' };
  return undefined;
}

const has = (pair: JsonObject, field: string): boolean => (pair[field] ?? '') !== '';

/** What Envoy refuses of the configuration of JWT authentication, in its words: key sets that cannot be used, names that nothing has. */
import { readFileSync } from 'node:fs';
import { KeySet } from '../jwt/key-set.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

interface Problem {
  field: string;
  reason: string;
}

/** The first problem of an `envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`. */
export function authenticationProblem(said: JsonObject): Problem | undefined {
  const providers = isObject(said.providers) ? said.providers : {};
  for (const [name, provider] of Object.entries(providers)) {
    const reason = isObject(provider) && isObject(provider.local_jwks) ? keysProblem(provider.local_jwks) : undefined;
    if (reason !== undefined) return { field: 'providers', reason: reason(name) };
    const uri = isObject(provider) ? uriOf(provider) : undefined;
    if (uri !== undefined && !/^https?:\/\/[^/?#]/.test(uri))
      return { field: 'providers', reason: `Provider '${name}' has an invalid URI: '${uri}'` };
  }
  for (const field of ['requirement_map', 'rules']) {
    const unknown = namedProviders(said[field] ?? null).find(name => !(name in providers));
    if (unknown !== undefined) return { field, reason: `Required provider ['${unknown}'] is not configured.` };
  }
  return ruleProblem(said);
}

/** Where a provider's keys are fetched. */
function uriOf({ remote_jwks: remote }: JsonObject): string | undefined {
  const http = isObject(remote) ? remote.http_uri : undefined;
  return isObject(http) ? String(http.uri) : undefined;
}

/** What is wrong with a key set, for the provider of that name. No text at all is a set without keys. */
function keysProblem({ inline_string, inline_bytes, filename }: JsonObject): ((name: string) => string) | undefined {
  let text = '';
  if (typeof inline_string === 'string') text = inline_string;
  else if (typeof inline_bytes === 'string') text = Buffer.from(inline_bytes, 'base64').toString('utf8');
  else if (typeof filename === 'string') {
    try {
      text = readFileSync(filename, 'utf8');
    } catch {
      return () => `Invalid path: ${filename}`;
    }
  }
  const keys = text === '' ? undefined : KeySet.parse(text);
  if (typeof keys !== 'string') return undefined;
  return name => `Provider '${name}' in jwt_authn config has invalid local jwks: ${keys}`;
}

/** The names of providers that requirements speak of, however deep. */
function namedProviders(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(namedProviders);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'provider_name' && typeof inner === 'string' ? [inner] : namedProviders(inner),
  );
}

function ruleProblem({ rules, requirement_map: map }: JsonObject): Problem | undefined {
  const names = isObject(map) ? Object.keys(map).sort() : [];
  for (const rule of Array.isArray(rules) ? rules : []) {
    const name = isObject(rule) ? rule.requirement_name : undefined;
    if (typeof name !== 'string' || names.includes(name)) continue;
    return { field: 'rules', reason: `Wrong requirement_name: ${name}. It should be one of [${names.join(',')}]` };
  }
  return undefined;
}

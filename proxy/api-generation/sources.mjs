/** Finds the .proto files that the API is generated from in the package that ships them. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const shipped = join(dirname(createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const folders = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map(name => join(shipped, name));

/** Envoy's newest files use this rule of strings, which the package's validate.proto does not declare. */
const ignoreEmpty = { after: 'message StringRules {', text: '\n    optional bool ignore_empty = 26;\n' };

/**
 * Fields of Envoy 1.40 that the package's files do not have yet, by file and message.
 * @type {Record<string, Record<string, string[]>>}
 */
const newerFields = {
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto': {
    TlsInspector: ['google.protobuf.BoolValue enable_ja4_fingerprinting = 3;'],
  },
  'envoy/extensions/transport_sockets/tls/v3/tls.proto': {
    UpstreamTlsContext: ['bool auto_host_sni = 6;', 'bool auto_sni_san_validation = 7;'],
    DownstreamTlsContext: ['bool prefer_client_ciphers = 11;'],
  },
};

/**
 * The named files and all that they import, by name, with their text.
 * @param {string[]} names
 * @returns {Map<string, string>}
 */
export function sourcesOf(names) {
  const sources = new Map();
  for (const name of names) collect(name, sources);
  return sources;
}

/**
 * @param {string} name
 * @param {Map<string, string>} sources
 */
function collect(name, sources) {
  if (sources.has(name) || name.startsWith('google/protobuf/')) return;
  const text = read(name);
  sources.set(name, text);
  for (const [, imported] of text.matchAll(/^import\s+(?:public\s+|weak\s+)?"([^"]+)";/gm))
    collect(imported ?? '', sources);
}

/** @param {string} name */
function read(name) {
  const path = folders.map(folder => join(folder, name)).find(existsSync);
  if (!path) throw new Error(`${name} is not in @grpc/grpc-js-xds`);
  const text = readFileSync(path, 'utf8');
  if (name !== 'validate/validate.proto') return withNewerFields(name, text);
  if (text.includes('ignore_empty = 26')) return text;
  return text.replace(ignoreEmpty.after, ignoreEmpty.after + ignoreEmpty.text);
}

/**
 * @param {string} name
 * @param {string} text
 */
function withNewerFields(name, text) {
  let whole = text;
  for (const [message, fields] of Object.entries(newerFields[name] ?? {})) {
    const missing = fields.filter(field => !text.includes(field));
    const start = `message ${message} {`;
    whole = whole.replace(start, start + missing.map(field => `\n  ${field}`).join(''));
  }
  return whole;
}

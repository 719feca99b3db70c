/** Loads a configuration: parse, read by the schema, merge, check, turn into messages. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { create, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type Bootstrap, BootstrapSchema } from '../api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { NodeSchema } from '../api/envoy/config/core/v3/base_pb.js';
import { version } from '../version.ts';
import { checkMessage } from './check.ts';
import { parseSource, type SourceDocument } from './document.ts';
import { ConfigurationError, type Path } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';
import { mergeMessages } from './merge.ts';
import { registry } from './registry.ts';
import { readMessage } from './schema-walk.ts';
import { checkSemantics } from './semantics.ts';
import type { UnpackedAny } from './typed-config.ts';

/** A configuration that was accepted. */
export interface LoadedConfiguration {
  bootstrap: Bootstrap;
  /** The same in canonical JSON, as config_dump shows it. */
  document: JsonObject;
  /** The node as it tells of itself, in binary. */
  node: Uint8Array;
  /** The same in JSON. */
  nodeDocument: JsonObject;
  /** By which the file is known again, see `digestOf`; '' where there is none. */
  digest: string;
}

/** Where a configuration comes from: a file, the text of `--config-yaml`, or the second merged over the first. */
export interface ConfigurationSource {
  path?: string | undefined;
  yaml?: string | undefined;
}

/** Loads a bootstrap; throws a ConfigurationError that says what is wrong and where. */
export function loadConfiguration(source: ConfigurationSource): LoadedConfiguration {
  const text = source.path ? readText(source.path) : '';
  const sources = sourcesOf(source, text);
  const positionOf = (path: Path) => (sources.length === 1 ? sources[0]!.positionOf(path) : '');
  const documents = sources.map(readDocument);
  const document = documents.reduce((base, over) => mergeMessages(BootstrapSchema, base, over), {});
  checkMessage(BootstrapSchema, document, registry, positionOf);
  checkSemantics(document, positionOf);
  const bootstrap = fromJson(BootstrapSchema, document, { registry });
  unpackAll(bootstrap);
  const node = nodeOf(bootstrap);
  const told = toJson(NodeSchema, fromBinary(NodeSchema, node), { useProtoFieldName: true }) as JsonObject;
  return { bootstrap, document, node, nodeDocument: told, digest: source.path ? digestOf(text) : '' };
}

/** What the configuration says of it, after what runs there: as messages are merged. */
function nodeOf({ node }: Bootstrap): Uint8Array {
  const [majorNumber = 0, minorNumber = 0, patch = 0] = version.split('.').map(Number);
  const runs = create(NodeSchema, {
    userAgentName: 'envoy',
    userAgentVersionType: {
      case: 'userAgentBuildVersion',
      value: { version: { majorNumber, minorNumber, patch } },
    },
  });
  const told = node === undefined ? [] : [toBinary(NodeSchema, node)];
  return Buffer.concat([toBinary(NodeSchema, runs), ...told]);
}

/** What tells one text of a file from another. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/**
 * Parses the sources, the one that is merged over the other last.
 *
 * @param text of the file
 */
export function sourcesOf({ path, yaml }: ConfigurationSource, text: string): SourceDocument[] {
  const sources: SourceDocument[] = [];
  if (path) sources.push(parseSource(path, text));
  if (yaml) sources.push(parseSource('--config-yaml', yaml));
  if (sources.length > 0) return sources;
  throw new ConfigurationError(
    'At least one of --config-path or --config-yaml or Options::configProto() should be non-empty',
  );
}

/** @throws ConfigurationError */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`unable to read file: ${path} (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
}

function readDocument(source: SourceDocument): JsonObject {
  if (!isObject(source.value))
    throw new ConfigurationError('expected a mapping of bootstrap fields', { position: source.positionOf([]) });
  return readMessage(BootstrapSchema, source.value, [], { registry, positionOf: source.positionOf }) as JsonObject;
}

/** Hangs on every Any the message that it holds, so that the data plane needs no schema. */
export function unpackAll(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if ('$typeName' in value && value.$typeName === 'google.protobuf.Any') unpack(value as Any);
  for (const inner of Object.values(value)) unpackAll(inner);
}

function unpack(any: UnpackedAny): void {
  const message = anyUnpack(any, registry);
  if (!message) return;
  any.message = message;
  any.value = new Uint8Array();
}

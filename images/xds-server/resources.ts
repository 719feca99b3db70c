/** Reads the resources of one kind from the text of its file: a list in YAML. */
import { createHash } from 'node:crypto';
import { fromJson, toBinary } from '@bufbuild/protobuf';
import { parseSource } from '../../proxy/configuration/document.ts';
import { ConfigurationError } from '../../proxy/configuration/errors.ts';
import { registry } from '../../proxy/configuration/registry.ts';
import { readMessage } from '../../proxy/configuration/schema-walk.ts';
import type { Kind } from './kinds.ts';

/** One resource as it is sent. */
export interface Resource {
  name: string;
  /** The message in binary. */
  bytes: Uint8Array;
  /** Its own: the same for the same bytes, whatever started anew in between. */
  version: string;
}

/**
 * Only what cannot be sent is found here: what is no message of that kind. Whether it makes sense, each proxy judges for itself.
 * @throws ConfigurationError that names file, line and reason
 */
export function readResources(kind: Kind, text: string): Resource[] {
  const { value, positionOf } = parseSource(kind.file, text);
  if (value === null) return [];
  if (!Array.isArray(value))
    throw new ConfigurationError(`expected a list: each ${kind.schema.name} begins with "- "`, {
      position: positionOf([]),
    });
  const names = new Set<string>();
  return value.map((item, index) => {
    const json = readMessage(kind.schema, item, [index], { registry, positionOf });
    const message = fromJson(kind.schema, json, { registry });
    const name = (json as Record<string, unknown>)[kind.nameField];
    if (typeof name !== 'string')
      throw new ConfigurationError(`a ${kind.schema.name} needs a ${kind.nameField}`, {
        path: [index],
        position: positionOf([index]),
      });
    if (names.has(name))
      throw new ConfigurationError(`${name} is there twice`, { path: [index], position: positionOf([index]) });
    names.add(name);
    const bytes = toBinary(kind.schema, message);
    return { name, bytes, version: createHash('sha256').update(bytes).digest('hex').slice(0, 8) };
  });
}

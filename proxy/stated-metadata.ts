/** Metadata that a configuration states: of listeners, routes, clusters and hosts. */
import type { Metadata } from './api/envoy/config/core/v3/base_pb.js';
import { isObject, type Json, type JsonObject } from './configuration/json.ts';
import { DynamicMetadata } from './dynamic-metadata.ts';
import { asBytes } from './net/latin1.ts';

/** Undefined where nothing is stated. */
export function statedMetadata(metadata: Metadata | undefined): DynamicMetadata | undefined {
  const namespaces = Object.entries(metadata?.filterMetadata ?? {});
  if (namespaces.length === 0) return undefined;
  const stated = new DynamicMetadata();
  for (const [name, fields] of namespaces) stated.add(name, fieldsAsBytes(fields as JsonObject));
  return stated;
}

/** Texts with a character for each byte, as headers and logs have them. */
export function fieldsAsBytes(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [asBytes(key), valueAsBytes(value)]));
}

function valueAsBytes(value: Json): Json {
  if (typeof value === 'string') return asBytes(value);
  if (Array.isArray(value)) return value.map(valueAsBytes);
  return isObject(value) ? fieldsAsBytes(value) : value;
}

/** Bytes that a configuration holds, or names a file for. */
import { readFileSync } from 'node:fs';
import type { DataSource } from './api/envoy/config/core/v3/base_pb.js';

/** A file that a configuration names is not there. */
export class UnreadableSource extends Error {
  readonly code = 'UNREADABLE_SOURCE';
}

/**
 * Undefined where there is no source, or an empty one.
 * @throws UnreadableSource
 */
export function readDataSource(source: DataSource | undefined): Buffer | undefined {
  const specifier = source?.specifier;
  if (specifier?.case === 'filename') return readFile(specifier.value);
  const bytes = Buffer.from(specifier?.value ?? '');
  return bytes.length === 0 ? undefined : bytes;
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new UnreadableSource(`Invalid path: ${path}`);
  }
}

/** Where it comes from, as Envoy names it in messages and in `/certs`. */
export function describeDataSource(source: DataSource | undefined): string {
  const specifier = source?.specifier;
  if (specifier?.case === undefined) return '';
  return specifier.case === 'filename' ? specifier.value : '<inline>';
}

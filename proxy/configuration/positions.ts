/** Finds the lines of a configuration that parts of it stand at, by reading it again: while nobody asks, nothing of its text is kept. */
import type { SourceDocument } from './document.ts';
import { ConfigurationError, type Path } from './errors.ts';
import { isObject, type Json } from './json.ts';
import { type ConfigurationSource, digestOf, readText, sourcesOf } from './load.ts';

/** What is to be found. */
export interface PositionsRequest {
  configuration: ConfigurationSource;
  /** Of the file as it was loaded. */
  digest: string;
  paths: readonly Path[];
}

/** Where a part stands. */
export interface Position {
  /** The file's path, or `--config-yaml`. */
  file: string;
  /** Both count from 1. */
  line: number;
  column: number;
  /** The line as it is written, cut where it is long. */
  text: string;
}

/** For each path that was asked for its place; undefined where nothing is written. */
export type Positions = readonly (Position | undefined)[];

const longestText = 200;

/** @throws ConfigurationError where the file is not what was loaded */
export function findPositions({ configuration, digest, paths }: PositionsRequest): Positions {
  const { path } = configuration;
  const text = path ? readText(path) : '';
  if (path && digestOf(text) !== digest)
    throw new ConfigurationError(
      `${path} has changed since it was loaded: its lines are not those that the proxy obeys`,
    );
  const sources = sourcesOf(configuration, text);
  return paths.map(wanted => positionIn(sources, wanted));
}

function positionIn(sources: readonly SourceDocument[], path: Path): Position | undefined {
  const { source, path: own } = sourceOf(sources, path);
  const place = source.placeOf(own);
  if (place === undefined || place.steps === 0) return undefined;
  return { file: source.name, line: place.line, column: place.column, text: place.text.slice(0, longestText) };
}

/** Which source a part of the merged configuration comes from, and its path there: lists follow one another, of values the last one counts. */
function sourceOf(sources: readonly SourceDocument[], path: Path): { source: SourceDocument; path: Path } {
  let from = sources.map(source => ({ source, value: source.value as Json | undefined, path: [] as Path }));
  for (const step of path) {
    const next = typeof step === 'number' ? itemIn(from, step) : from.map(one => fieldOf(one, step));
    const written = next.filter(({ value }) => value !== undefined);
    if (written.length === 0) break;
    from = written;
  }
  const { source, path: own } = from.at(-1)!;
  // What is not written further in is said by the nearest part around it.
  return from.length === 1 ? { source, path: [...own, ...path.slice(own.length)] } : { source, path: own };
}

interface Part {
  source: SourceDocument;
  value: Json | undefined;
  path: Path;
}

function fieldOf({ source, value, path }: Part, step: string): Part {
  const name = step.replaceAll('_', '').toLowerCase();
  const key = isObject(value) ? Object.keys(value).find(one => one === step || one.toLowerCase() === name) : undefined;
  return { source, value: key === undefined ? undefined : (value as Record<string, Json>)[key], path: [...path, step] };
}

function itemIn(parts: readonly Part[], index: number): Part[] {
  let before = 0;
  for (const { source, value, path } of parts) {
    if (!Array.isArray(value)) continue;
    if (index - before < value.length)
      return [{ source, value: value[index - before], path: [...path, index - before] }];
    before += value.length;
  }
  return [];
}

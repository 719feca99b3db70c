/** A configuration's text, parsed, with the line of each of its parts. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { ConfigurationError, type Path } from './errors.ts';
import type { Json } from './json.ts';

/** One file of configuration, or the text of `--config-yaml`. */
export interface SourceDocument {
  /** For messages: the file's path, or `--config-yaml`. */
  name: string;
  value: Json;
  /** `file:line` of the part at a path, or of the nearest part around it. */
  positionOf(path: Path): string;
  /** The same with what stands there; undefined where the text is empty. */
  placeOf(path: Path): Place | undefined;
}

/** Where a part of the configuration stands. */
export interface Place {
  /** Both count from 1. */
  line: number;
  column: number;
  /** The line as it is written, without the blanks around it. */
  text: string;
  /** How many steps of the path are written: where that is not all of them, the place is the nearest part around it. */
  steps: number;
}

/** Parses YAML, or JSON, which is YAML too. */
export function parseSource(name: string, text: string): SourceDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const position = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) throw new ConfigurationError(`not valid YAML: ${error.message}`, { position: position(error.pos[0]) });
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const reason = `not valid YAML: the referenced anchor is not defined: ${alias.source}`;
      throw new ConfigurationError(reason, { position: position(alias.range?.[0] ?? 0) });
    },
  });
  return {
    name,
    value: (document.toJS() ?? null) as Json,
    positionOf: path => {
      const { offset } = find(document, path);
      return offset === undefined ? name : position(offset);
    },
    placeOf: path => {
      const { offset, steps } = find(document, path);
      if (offset === undefined) return undefined;
      const { line, col: column } = lines.linePos(offset);
      const start = offset - column + 1;
      const end = text.indexOf('\n', offset);
      return { line, column, text: text.slice(start, end < 0 ? undefined : end).trim(), steps };
    },
  };
}

interface Found {
  /** Where it begins. */
  at: number | undefined;
  node: Node | null;
}

/** Where the key or item at a path begins; follows the path as far as it goes. */
function find(document: Document, path: Path): { offset: number | undefined; steps: number } {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0];
  let steps = 0;
  for (const step of path) {
    const found = child(document, node, step);
    if (!found) break;
    offset = found.at ?? offset;
    node = found.node;
    steps++;
  }
  return { offset, steps };
}

function child(document: Document, of: Node | null, step: string | number): Found | undefined {
  const node = isAlias(of) ? of.resolve(document) : of;
  if (typeof step === 'number') {
    const item = isSeq<Node>(node) ? node.items[step] : undefined;
    return item && { at: item.range?.[0], node: item };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find(({ key }) => sameName(String(key), step));
  if (pair) return { at: pair.key.range?.[0], node: pair.value };
  return merged(document, node.items.find(({ key }) => isMergeKey(key))?.value ?? null, step);
}

/** Parsers that obey it make a symbol of it. */
const isMergeKey = (key: unknown): boolean => isScalar(key) && key.source === '<<';

/** A key that a mapping takes over by `<<` from another one, or from the first of several that has it. */
function merged(document: Document, from: Node | null, step: string): Found | undefined {
  if (!isSeq<Node>(from)) return from === null ? undefined : child(document, from, step);
  for (const one of from.items) {
    const found = child(document, one, step);
    if (found) return found;
  }
  return undefined;
}

/** Fields may be written in snake_case or camelCase. */
function sameName(written: string, wanted: string): boolean {
  return written === wanted || written.toLowerCase() === wanted.replaceAll('_', '').toLowerCase();
}

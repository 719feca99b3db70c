/** A configuration's text, parsed, with the line of each of its parts. */
import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigurationError, type Path } from './errors.ts';
import type { Json } from './json.ts';

/** One file of configuration, or the text of `--config-yaml`. */
export interface SourceDocument {
  /** For messages: the file's path, or `--config-yaml`. */
  name: string;
  value: Json;
  /** `file:line` of the part at a path, or of the nearest part around it. */
  positionOf(path: Path): string;
}

/** Parses YAML, or JSON, which is YAML too. */
export function parseSource(name: string, text: string): SourceDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const position = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) throw new ConfigurationError(`not valid YAML: ${error.message}`, { position: position(error.pos[0]) });
  const contents: Node | null = document.contents;
  return {
    name,
    value: (document.toJS() ?? null) as Json,
    positionOf: path => {
      const offset = offsetOf(contents, path);
      return offset === undefined ? name : position(offset);
    },
  };
}

/** Where the key or item at a path begins; follows the path as far as it goes. */
function offsetOf(root: Node | null, path: Path): number | undefined {
  let node: Node | null | undefined = root;
  let offset = node?.range?.[0];
  for (const step of path) {
    const found: { at: number | undefined; node: Node | null } | undefined = child(node, step);
    if (!found) break;
    offset = found.at ?? offset;
    node = found.node;
  }
  return offset;
}

function child(
  node: Node | null | undefined,
  step: string | number,
): { at: number | undefined; node: Node | null } | undefined {
  if (typeof step === 'number') {
    const item = isSeq<Node>(node) ? node.items[step] : undefined;
    return item && { at: item.range?.[0], node: item };
  }
  const pair = isMap<Node, Node | null>(node) ? node.items.find(({ key }) => sameName(String(key), step)) : undefined;
  return pair && { at: pair.key.range?.[0], node: pair.value };
}

/** Fields may be written in snake_case or camelCase. */
function sameName(written: string, wanted: string): boolean {
  return written === wanted || written.toLowerCase() === wanted.replaceAll('_', '').toLowerCase();
}

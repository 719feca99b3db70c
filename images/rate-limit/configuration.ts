/** Reads limits as the reference service has them in YAML. @see https://github.com/envoyproxy/ratelimit#configuration */
import { type Document, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { isUnit, type Limit, units } from './limit.ts';
import { type Rule, Rules } from './rules.ts';

export interface Configuration {
  domain: string;
  rules: Rules;
}

/** A configuration that cannot be used; the message names the place. */
export class ConfigurationError extends Error {
  readonly code = 'configuration';
}

type Path = (string | number)[];
type Json = Record<string, unknown>;

const mostRequests = 2 ** 32 - 1;

/**
 * @param file how errors call it
 * @throws ConfigurationError
 */
export function readConfiguration(text: string, file: string): Configuration {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new ConfigurationError(`${file}:${line}:${col}: ${broken.message}`);
  }
  return new Reader(document, lines, file).configuration();
}

class Reader {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #file: string;

  constructor(document: Document, lines: LineCounter, file: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  configuration(): Configuration {
    const top = this.#object(this.#document.toJS(), [], ['domain', 'descriptors']);
    const domain = this.#text(top, 'domain', []);
    if (domain === undefined || domain === '')
      this.#fail([], 'domain is missing: the name that proxies ask for, as in their filter');
    return { domain, rules: this.#rules(top.descriptors, ['descriptors']) };
  }

  #rules(said: unknown, path: Path): Rules {
    const rules = new Rules();
    if (said === undefined || said === null) return rules;
    if (!Array.isArray(said)) this.#fail(path, 'a list is expected: each of its items begins with "- key:"');
    for (const [index, one] of said.entries()) this.#add(rules, one, [...path, index]);
    return rules;
  }

  #add(rules: Rules, said: unknown, path: Path): void {
    const one = this.#object(said, path, ['key', 'value', 'rate_limit', 'shadow_mode', 'descriptors']);
    const key = this.#text(one, 'key', path);
    if (key === undefined || key === '') this.#fail(path, 'key is missing');
    // As in the reference service an empty value is none.
    const value = this.#text(one, 'value', path) || undefined;
    const rule: Rule = {
      limit: this.#limit(one.rate_limit, [...path, 'rate_limit']),
      shadow: this.#flag(one, 'shadow_mode', path),
      next: this.#rules(one.descriptors, [...path, 'descriptors']),
    };
    if (!rules.add(key, value, rule))
      this.#fail(path, `${key}${value === undefined ? '' : `=${value}`} stands in this list twice`);
  }

  #limit(said: unknown, path: Path): Rule['limit'] {
    if (said === undefined || said === null) return undefined;
    const one = this.#object(said, path, ['unit', 'requests_per_unit', 'unlimited', 'name']);
    if (this.#flag(one, 'unlimited', path)) {
      if (one.unit !== undefined) this.#fail([...path, 'unit'], 'what is unlimited has no unit');
      return 'unlimited';
    }
    const requestsPerUnit = one.requests_per_unit;
    if (!isCount(requestsPerUnit))
      this.#fail(find(one, path, 'requests_per_unit'), 'requests_per_unit has to be a number, such as 5');
    return { unit: this.#unit(one, path), requestsPerUnit, name: this.#text(one, 'name', path) ?? '' };
  }

  #unit(said: Json, path: Path): Limit['unit'] {
    const unit = this.#text(said, 'unit', path)?.toLowerCase();
    if (unit !== undefined && isUnit(unit)) return unit;
    const names = Object.keys(units).join(', ');
    this.#fail(find(said, path, 'unit'), `unit ${unit === undefined ? 'is missing' : `"${unit}"`}: one of ${names}`);
  }

  #flag(said: Json, name: string, path: Path): boolean {
    const value = said[name] ?? false;
    if (typeof value !== 'boolean') this.#fail([...path, name], `${name} has to be true or false`);
    return value;
  }

  /** As it stands there: `007` stays so. */
  #text(said: Json, name: string, path: Path): string | undefined {
    const value = said[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'object') this.#fail([...path, name], `${name} has to be a text`);
    const node = this.#document.getIn([...path, name], true);
    return typeof value !== 'string' && isScalar(node) ? (node.source ?? String(value)) : String(value);
  }

  #object(said: unknown, path: Path, known: string[]): Json {
    if (typeof said !== 'object' || said === null || Array.isArray(said))
      this.#fail(path, `fields are expected: ${known.join(', ')}`);
    for (const name of Object.keys(said))
      if (!known.includes(name))
        this.#fail([...path, name], `${name} is not known here; known are ${known.join(', ')}`);
    return said as Json;
  }

  #fail(path: Path, message: string): never {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    const { line, col } = this.#lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
    const at = path.reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${part}`), '');
    throw new ConfigurationError(`${this.#file}:${line}:${col}: ${at === '' ? '' : `${at.slice(1)}: `}${message}`);
  }
}

/** The place of a field, or of what lacks it. */
const find = (said: Json, path: Path, name: string): Path => (said[name] === undefined ? path : [...path, name]);

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostRequests;

/** What Envoy demands of single values (validate.rules), checked as its generated validators do, with their sentences. */
import type { Json } from './json.ts';

/** The rules of one field in JSON: a kind, and its limits. */
export type Rules = Record<string, unknown>;
type Limits = Record<string, unknown>;

/** What is wrong with a value, if anything. */
export function violation(rules: Rules, value: Json): string | undefined {
  for (const [kind, limits] of Object.entries(rules)) {
    const problem = checks[kind]?.(limits as Limits, value);
    if (problem) return problem;
  }
  return undefined;
}

/** Whether the rules say that the field must be there. */
export function isRequired(rules: Rules): boolean {
  return ['message', 'any', 'duration'].some(kind => (rules[kind] as Limits | undefined)?.required === true);
}

const numberChecks = ['uint32', 'uint64', 'int32', 'int64', 'double', 'float'].map(
  kind => [kind, checkNumber] as const,
);
const checks: Record<string, (limits: Limits, value: Json) => string | undefined> = {
  string: checkString,
  duration: checkDuration,
  enum: checkEnum,
  repeated: checkRepeated,
  map: (limits, value) => tooFew(limits.min_pairs, Object.keys(value as object).length, 'pair'),
  bool: (limits, value) =>
    limits.const !== undefined && value !== limits.const ? `value must equal ${limits.const}` : undefined,
  ...Object.fromEntries(numberChecks),
};

function checkString(limits: Limits, value: Json): string | undefined {
  const text = String(value);
  if (limits.ignore_empty === true && text === '') return undefined;
  if (limits.min_len !== undefined && [...text].length < Number(limits.min_len)) {
    return `value length must be at least ${limits.min_len} characters`;
  }
  if (limits.max_bytes !== undefined && Buffer.byteLength(text) > Number(limits.max_bytes)) {
    return `value length must be at most ${limits.max_bytes} bytes`;
  }
  const list = limits.in as string[] | undefined;
  if (list && !list.includes(text))
    return `value must be in list [${list.map(item => JSON.stringify(item)).join(', ')}]`;
  const pattern = patternOf(limits);
  return pattern && !new RegExp(pattern, 'u').test(text)
    ? `value does not match regex pattern ${JSON.stringify(pattern)}`
    : undefined;
}

function patternOf(limits: Limits): string | undefined {
  if (typeof limits.pattern === 'string') return limits.pattern;
  if (limits.well_known_regex === undefined) return undefined;
  if (limits.strict === false) return '^[^\\x00\\n\\r]*$';
  return limits.well_known_regex === 'HTTP_HEADER_NAME'
    ? "^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$"
    : '^[^\\x00-\\x08\\x0A-\\x1F\\x7F]*$';
}

function checkNumber(limits: Limits, value: Json): string | undefined {
  return outOfRange(limits, Number(value), limit => Number(limit));
}

function checkDuration(limits: Limits, value: Json): string | undefined {
  const seconds = (text: unknown) => Number(String(text).replace(/s$/, ''));
  if (seconds(value) < 0) return `Invalid duration: Expected positive duration: ${value}`;
  return outOfRange(limits, seconds(value), seconds);
}

/** A lower and an upper limit together are called a range, one alone by its name. */
function outOfRange(limits: Limits, value: number, parse: (limit: unknown) => number): string | undefined {
  const low = limits.gte ?? limits.gt;
  const high = limits.lte ?? limits.lt;
  const tooLow = low !== undefined && (limits.gte !== undefined ? value < parse(low) : value <= parse(low));
  const tooHigh = high !== undefined && (limits.lte !== undefined ? value > parse(high) : value >= parse(high));
  if (!tooLow && !tooHigh) return undefined;
  if (low !== undefined && high !== undefined) {
    return `value must be inside range ${limits.gte !== undefined ? '[' : '('}${low}, ${high}${limits.lte !== undefined ? ']' : ')'}`;
  }
  if (tooLow) return `value must be greater than ${limits.gte !== undefined ? 'or equal to ' : ''}${low}`;
  return `value must be less than ${limits.lte !== undefined ? 'or equal to ' : ''}${high}`;
}

/** Names are checked when they are read; what is left are the numbers that a field excludes. */
function checkEnum(limits: Limits, value: Json): string | undefined {
  const excluded = limits.not_in as number[] | undefined;
  return excluded?.includes(Number(value)) ? `value must not be in list [${excluded.join(', ')}]` : undefined;
}

function checkRepeated(limits: Limits, value: Json): string | undefined {
  const list = value as Json[];
  const few = tooFew(limits.min_items, list.length, 'item');
  if (few) return few;
  if (limits.max_items !== undefined && list.length > Number(limits.max_items)) {
    return `value must contain no more than ${limits.max_items} item(s)`;
  }
  if (limits.unique === true && new Set(list.map(item => JSON.stringify(item))).size < list.length) {
    return 'repeated value must contain unique items';
  }
  const itemRules = limits.items as Rules | undefined;
  for (const item of itemRules ? list : []) {
    const problem = violation(itemRules!, item);
    if (problem) return problem;
  }
  return undefined;
}

function tooFew(minimum: unknown, found: number, what: string): string | undefined {
  return minimum !== undefined && found < Number(minimum)
    ? `value must contain at least ${minimum} ${what}(s)`
    : undefined;
}

/** Access logs as JSON: a structure whose texts are formats. A text that is one command keeps its type. */

import type { JsonObject } from '@bufbuild/protobuf';
import { canonical } from '../configuration/json.ts';
import { asBytes } from '../net/latin1.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Formatters } from './command.ts';
import { compileFormat, type Formatter, type Piece, parseFormat } from './format.ts';

type Value = string | number | boolean | null;
/** Gives the JSON text of one value, or undefined where it is left out. */
type Printer = (info: StreamInfo) => string | undefined;

interface Options {
  omitEmpty: boolean;
  formatters: Formatters | undefined;
}

/** Compiles a JSON format: one object a line, keys sorted as Envoy does. */
export function compileJsonFormat(format: JsonObject, omitEmpty = false, formatters?: Formatters): Formatter {
  const print = compileValue(format, { omitEmpty, formatters });
  return info => `${print(info) ?? '{}'}\n`;
}

function compileValue(value: unknown, options: Options): Printer {
  if (typeof value === 'string') return compileText(value, options);
  if (Array.isArray(value)) return compileList(value, options);
  if (typeof value === 'object' && value !== null) return compileObject(value as JsonObject, options);
  const text = JSON.stringify(value as Value);
  return () => text;
}

function compileText(text: string, options: Options): Printer {
  const pieces: Piece[] = parseFormat(text, options.formatters);
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === 'function') {
    return info => {
      const value = only(info);
      if (value === undefined) return options.omitEmpty ? undefined : 'null';
      return canonical(value);
    };
  }
  const print = compileFormat(text, options.omitEmpty, options.formatters);
  return info => JSON.stringify(print(info));
}

function compileList(list: readonly unknown[], options: Options): Printer {
  const printers = list.map(item => compileValue(item, options));
  return info => `[${printers.flatMap(print => print(info) ?? []).join(',')}]`;
}

function compileObject(object: JsonObject, options: Options): Printer {
  const keys = Object.keys(object).sort();
  const printers = keys.map(key => [JSON.stringify(asBytes(key)), compileValue(object[key], options)] as const);
  return info => {
    const members: string[] = [];
    for (const [key, print] of printers) {
      const text = print(info);
      if (text !== undefined) members.push(`${key}:${text}`);
    }
    return `{${members.join(',')}}`;
  };
}

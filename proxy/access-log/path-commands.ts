/** Operators that print the path of a request, or parts of it. */
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, FormatError } from './command.ts';

type PathOf = (info: StreamInfo) => string | undefined;

const original: PathOf = info => info.requestHeaders?.get('x-envoy-original-path');
const current: PathOf = info => info.requestHeaders?.path || undefined;

const sources = new Map<string, PathOf>([
  ['ORIG', original],
  ['PATH', current],
  ['ORIG_OR_PATH', info => original(info) ?? current(info)],
]);

/** `WQ` or `NQ`, with or without the query, then which path: `NQ:ORIG`. */
const path: Compiler = (argument = '') => {
  const [form = '', source = ''] = argument.split(':');
  const read = sources.get(source || 'ORIG_OR_PATH');
  if (!['', 'WQ', 'NQ'].includes(form))
    throw new FormatError(`Invalid PATH option: '${form}', only 'WQ'/'NQ' are allowed`);
  if (read === undefined)
    throw new FormatError(`Invalid PATH option: '${source}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed`);
  return form === 'NQ' ? info => read(info)?.replace(/\?.*$/s, '') : read;
};

function queryOf(info: StreamInfo): string | undefined {
  const whole = current(info) ?? '';
  const start = whole.indexOf('?');
  return start < 0 ? undefined : whole.slice(start + 1);
}

const byteOf = (digits: string): string => String.fromCharCode(parseInt(digits, 16));

/** Bytes for what stands for bytes; what stands for none stays. */
const decoded = (text: string): string => text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => byteOf(digits));

/** The first of its name, decoded. */
const queryParameter: Compiler = (argument = '') => {
  return info => {
    for (const part of queryOf(info)?.split('&') ?? []) {
      const equals = part.indexOf('=');
      const name = equals < 0 ? part : part.slice(0, equals);
      if (part !== '' && decoded(name) === argument) return equals < 0 ? '' : decoded(part.slice(equals + 1));
    }
    return undefined;
  };
};

const urlCharacter = /[\w.~:/?#[\]@!$&'()*+,;=%`-]/;

/** As Envoy does it: what stands for no character of URLs stays, and of what stands for nothing the sign goes. */
const shownQuery = (query: string): string =>
  query.replace(/%(?:([0-9a-f]{2})|(?=..))/gi, (whole, digits: string | undefined) => {
    const character = digits === undefined ? '' : byteOf(digits);
    return digits === undefined || urlCharacter.test(character) ? character : whole;
  });

const query: Compiler = (argument = '') => {
  if (argument === '' || argument === 'ORIG') return queryOf;
  if (argument !== 'DECODED')
    throw new FormatError(`Invalid QUERY_PARAMS option: '${argument}', only 'ORIG'/'DECODED' are allowed`);
  return info => {
    const text = queryOf(info);
    return text && shownQuery(text);
  };
};

export const pathCommands: Record<string, Compiler> = {
  PATH: path,
  QUERY_PARAM: queryParameter,
  QUERY_PARAMS: query,
};

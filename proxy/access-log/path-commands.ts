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

const queryParameter: Compiler = (argument = '') => {
  return info => {
    const query = queryOf(info);
    return query === undefined ? undefined : (new URLSearchParams(query).get(argument) ?? undefined);
  };
};

const query: Compiler = argument => {
  if (argument === undefined || argument === 'ORIG') return queryOf;
  throw new FormatError(`QUERY_PARAMS(${argument}) is not supported by this proxy`);
};

export const pathCommands: Record<string, Compiler> = {
  PATH: path,
  QUERY_PARAM: queryParameter,
  QUERY_PARAMS: query,
};

/** Operators that print a header, or a trailer. */
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, FormatError } from './command.ts';

/** `X?Y`: the header X, or Y where there is no X. */
const header =
  (lookup: (info: StreamInfo, name: string) => string | undefined): Compiler =>
  (argument = '') => {
    if (/[\0\r\n ]/.test(argument))
      throw new FormatError('Invalid header configuration. Format string contains invalid characters.');
    const [main = '', alternative, ...rest] = argument.toLowerCase().split('?');
    if (rest.length > 0) throw new FormatError('More than 1 alternative header specified in token: '.concat(argument));
    if (alternative === undefined) return info => lookup(info, main);
    return info => lookup(info, main) ?? lookup(info, alternative);
  };

const requestHeader = header((info, name) => info.requestHeaders?.lookup(name));
const responseHeader = header((info, name) => info.responseHeaders?.lookup(name));
const responseTrailer = header((info, name) => info.responseTrailers?.getAll(name));

const withoutQuery = (value: string | undefined): string | undefined => value?.replace(/\?.*$/s, '');

export const headerCommands: Record<string, Compiler> = {
  REQ: requestHeader,
  REQUEST_HEADER: requestHeader,
  STREAM_INFO_REQ: requestHeader,
  RESP: responseHeader,
  RESPONSE_HEADER: responseHeader,
  TRAILER: responseTrailer,
  RESPONSE_TRAILER: responseTrailer,
};

/** `REQ_WITHOUT_QUERY(X?Y)`, of an extension. */
export const requestHeaderWithoutQuery: Compiler = header((info, name) =>
  withoutQuery(info.requestHeaders?.lookup(name)),
);

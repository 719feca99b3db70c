/** The command line, which is a part of that of the grpcurl that people know, in the form of Go's flags. @see https://github.com/fullstorydev/grpcurl */
import { UsageError } from '../program.ts';

export interface Options {
  plaintext: boolean;
  insecure: boolean;
  cacert: string | undefined;
  cert: string | undefined;
  key: string | undefined;
  servername: string | undefined;
  authority: string | undefined;
  /** Sent with each call, and with the questions for the schema. */
  headers: [string, string][];
  data: string;
  /** Milliseconds; undefined: for ever. */
  maxTimeMs: number | undefined;
  connectTimeoutMs: number;
  emitDefaults: boolean;
  verbose: boolean;
  /** host:port. */
  address: string;
  action: { kind: 'list' | 'describe'; symbol: string | undefined } | { kind: 'call'; symbol: string };
}

export const help = `Usage: grpcurl [flags] address [list|describe] [symbol]

grpcurl calls services by gRPC, and shows what they answer. This one is the
workshop's own and small: what it takes, the grpcurl that you find elsewhere
takes too. It learns of messages and methods from the server (reflection).

  grpcurl -plaintext greeter:50051 list
  grpcurl -plaintext greeter:50051 describe greeter.Greeter
  grpcurl -plaintext -d '{"name": "ada"}' greeter:50051 greeter.Greeter/SayHello

  -d string          the request as JSON; @: from standard input. A stream of
                     requests has them one after the other. Default: an empty one
  -H value           a header, 'name: value'; may be given more than once
  -v                 shows headers and trailers too
  -max-time float    seconds that all of it may take; tells it to the server
  -connect-timeout float  seconds to wait for a connection (10)
  -emit-defaults     shows fields that have their default value
  -plaintext         HTTP/2 without TLS
  -authority string  the name that the server is called by (:authority)
  -insecure          takes any certificate of the server
  -cacert string     file with the authorities that the server is verified by
  -cert string, -key string  files that the client shows for itself
  -servername string the name to verify the certificate by
  -help, -version

It ends with 64 + the code where a call ends with another status than OK.
`;

const switches = ['plaintext', 'insecure', 'emit-defaults', 'v', 'help', 'version'] as const;
const settings = ['d', 'max-time', 'connect-timeout', 'authority', 'cacert', 'cert', 'key', 'servername'] as const;
const usualConnectTimeout = '10';

interface Given {
  on: Set<string>;
  values: Map<string, string>;
  headers: [string, string][];
  rest: string[];
}

/**
 * Reads the command line; `help` and `version` ask for a text.
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): Options | 'help' | 'version' {
  const { on, values, headers, rest } = parse(args);
  if (on.has('help')) return 'help';
  if (on.has('version')) return 'version';
  const [address, ...words] = rest;
  if (address === undefined) throw new UsageError('Too few arguments.');
  if (on.has('plaintext')) {
    const wrong = ['insecure', 'cacert', 'cert', 'key'].find(name => on.has(name) || values.has(name));
    if (wrong !== undefined) throw new UsageError(`The -plaintext and -${wrong} arguments are mutually exclusive.`);
  }
  if (values.has('cert') !== values.has('key'))
    throw new UsageError('The -cert and -key arguments must be used together and both be present.');
  const maxTime = values.get('max-time');
  return {
    plaintext: on.has('plaintext'),
    insecure: on.has('insecure'),
    cacert: values.get('cacert'),
    cert: values.get('cert'),
    key: values.get('key'),
    servername: values.get('servername'),
    authority: values.get('authority'),
    headers,
    data: values.get('d') ?? '',
    maxTimeMs: maxTime === undefined ? undefined : secondsOf('max-time', maxTime),
    connectTimeoutMs: secondsOf('connect-timeout', values.get('connect-timeout') ?? usualConnectTimeout),
    emitDefaults: on.has('emit-defaults'),
    verbose: on.has('v'),
    address,
    action: actionOf(words),
  };
}

function actionOf(words: string[]): Options['action'] {
  const [verb, symbol, ...more] = words;
  if (verb === undefined) throw new UsageError('Too few arguments.');
  if (verb === 'list' || verb === 'describe') {
    if (more.length > 0) throw new UsageError('Too many arguments.');
    return { kind: verb, symbol };
  }
  if (symbol !== undefined)
    throw new UsageError(`Too many arguments. Flags such as ${symbol} stand before the address.`);
  return { kind: 'call', symbol: verb };
}

function secondsOf(flag: string, text: string): number {
  const seconds = Number(text);
  if (text === '' || !(seconds > 0))
    throw new UsageError(`invalid value "${text}" for flag -${flag}: a number of seconds is expected`);
  return seconds * 1000;
}

/** As Go reads flags: one dash or two, the value after = or as the next word, and none after the first word that is no flag. */
function parse(args: readonly string[]): Given {
  const given: Given = { on: new Set(), values: new Map(), headers: [], rest: [] };
  for (let at = 0; at < args.length; at++) {
    const [, flag, inline] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(args[at]!) ?? [];
    if (flag === undefined) {
      given.rest = args.slice(at);
      return given;
    }
    if ((switches as readonly string[]).includes(flag)) {
      if (inline !== 'false') given.on.add(flag);
      continue;
    }
    const value = inline ?? args[++at];
    if (flag !== 'H' && !(settings as readonly string[]).includes(flag))
      throw new UsageError(`flag provided but not defined: -${flag}`);
    if (value === undefined) throw new UsageError(`flag needs an argument: -${flag}`);
    if (flag === 'H') given.headers.push(headerOf(value));
    else given.values.set(flag, value);
  }
  return given;
}

function headerOf(text: string): [string, string] {
  const colon = text.indexOf(':');
  const name = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase();
  if (!/^[a-z0-9._-]+$/.test(name))
    throw new UsageError(`invalid value "${text}" for flag -H: 'name: value' is expected`);
  return [name, colon < 0 ? '' : text.slice(colon + 1).trim()];
}

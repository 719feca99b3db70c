import { portOf, readArguments, UsageError } from '../program.ts';
import { type LogOptions, logOf } from '../request-log.ts';

export interface Options extends LogOptions {
  host: string;
  port: number;
  /** Where /chain goes on; undefined: nowhere. */
  next: URL | undefined;
  /** Names of the headers that /chain hands on, in lower case. */
  handsOn: string[];
}

export const help = `httpbin answers HTTP requests with what it was sent, and with what it was asked for.

  httpbin [--port 8000] [--host 0.0.0.0] [--name httpbin] [--log text|json] [--next URL [--hand-on NAMES]]

  --port   the TCP port to listen on (0: any free one)
  --host   the address to listen on
  --name   how this one is called in the log
  --log    one line a request, as text or as JSON
  --next   whom /chain asks before it answers
  --hand-on  headers of a request that /chain hands on, with commas between them

  Its endpoints are listed at /
`;

/**
 * Reads the command line; null asks for the help text.
 * @throws UsageError
 */
export function parseCommandLine(args: string[]): Options | null {
  const options = {
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '8000' },
    name: { type: 'string', default: 'httpbin' },
    log: { type: 'string', default: 'text' },
    next: { type: 'string' },
    'hand-on': { type: 'string', default: '' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { help, host, port, name, log, next, 'hand-on': names } = readArguments({ args, options }).values;
  if (help) return null;
  const handsOn = names.split(',').map(one => one.trim().toLowerCase());
  return {
    ...{ host, port: portOf(port), name, log: logOf(log), next: nextOf(next) },
    handsOn: handsOn.filter(one => one !== ''),
  };
}

function nextOf(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url?.protocol !== 'http:') throw new UsageError(`--next ${text}: a URL that begins with http:// is expected`);
  return url;
}

import { parseArgs } from 'node:util';

export interface Options {
  host: string;
  port: number;
  /** Told in the log, where several run. */
  name: string;
  log: 'text' | 'json';
}

/** Arguments that cannot be understood; the message is for the person at the terminal. */
export class UsageError extends Error {
  readonly code = 'usage';
}

export const help = `httpbin answers HTTP requests with what it was sent, and with what it was asked for.

  httpbin [--port 8000] [--host 0.0.0.0] [--name httpbin] [--log text|json]

  --port   the TCP port to listen on (0: any free one)
  --host   the address to listen on
  --name   how this one is called in the log
  --log    one line a request, as text or as JSON

  Its endpoints are listed at /
`;

/**
 * Reads the command line; null asks for the help text.
 * @throws UsageError
 */
export function parseCommandLine(args: string[]): Options | null {
  const values = parse(args);
  if (values.help) return null;
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UsageError(`--port ${values.port}: a number from 0 to 65535 is expected`);
  }
  if (values.log !== 'text' && values.log !== 'json')
    throw new UsageError(`--log ${values.log}: text or json is expected`);
  return { host: values.host, port, name: values.name, log: values.log };
}

function parse(args: string[]) {
  const options = {
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '8000' },
    name: { type: 'string', default: 'httpbin' },
    log: { type: 'string', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

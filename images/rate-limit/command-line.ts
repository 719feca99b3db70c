import { portOf, readArguments, UsageError } from '../program.ts';

export interface Options {
  /** The configuration's file. */
  path: string;
  host: string;
  port: number;
  /** Whether windows begin with the clock's minute, hour and so on, or with the start of the service. */
  windows: 'clock' | 'start';
}

export const help = `rate-limit tells proxies whether a request is within its limit: one count for all that ask.

  rate-limit -c FILE [--port 8081] [--host 0.0.0.0] [--windows clock|start]

  -c, --config-path  the limits; read again when the file changes
  --port     the TCP port to listen on, by gRPC (0: any free one)
  --host     the address to listen on
  --windows  whether a minute begins with the clock's, or with the start of the service

  A proxy asks by envoy.service.ratelimit.v3. The file is as envoyproxy/ratelimit has it:

    domain: shop
    descriptors:
      - key: user              # any value, each counted by itself
        rate_limit: { unit: minute, requests_per_unit: 5 }
      - key: user
        value: ada             # goes before the key alone; "a*" is what begins so
        rate_limit: { unit: hour, requests_per_unit: 100 }
        descriptors: []        # for what has a further entry

  A line for each decision: domain, descriptor → how many of how many → the answer.
`;

/**
 * Reads the command line; null asks for the help text.
 * @throws UsageError
 */
export function parseCommandLine(args: string[]): Options | null {
  const options = {
    'config-path': { type: 'string', short: 'c' },
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '8081' },
    windows: { type: 'string', default: 'clock' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { help, 'config-path': path, host, port: portText, windows } = readArguments({ args, options }).values;
  if (help) return null;
  if (path === undefined) throw new UsageError('which limits? Name their file: rate-limit -c FILE');
  const port = portOf(portText);
  if (windows !== 'clock' && windows !== 'start')
    throw new UsageError(`--windows ${windows}: clock or start is expected`);
  return { path, host, port, windows };
}

import { portOf, readArguments } from '../program.ts';
import { type LogOptions, logOf } from '../request-log.ts';

export interface Options extends LogOptions {
  host: string;
  port: number;
}

export const help = `greeter is a service that speaks gRPC.

  greeter [--port 50051] [--host 0.0.0.0] [--name greeter] [--log text|json]

  --port   the TCP port to listen on (0: any free one)
  --host   the address to listen on
  --name   how this one is called in the log
  --log    one line a call, as text or as JSON

  Methods of greeter.Greeter:
    SayHello         answers at once
    SayHellos        a stream of "count" answers (5), one each half second
    SayHelloToEach   an answer for each request of a stream
    SayHelloLater    answers after "seconds" (3)
    SayHelloMaybe    fails two tries of a request (UNAVAILABLE), and answers the third
    SayGoodbye       always fails (NOT_FOUND)
    ShowHeaders      the headers that reached it

  Beside it: grpc.health.v1.Health, and grpc.reflection.v1, by which grpcurl learns all of that.
`;

/**
 * Reads the command line; null asks for the help text.
 * @throws UsageError
 */
export function parseCommandLine(args: string[]): Options | null {
  const options = {
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '50051' },
    name: { type: 'string', default: 'greeter' },
    log: { type: 'string', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { help, host, port, name, log } = readArguments({ args, options }).values;
  return help ? null : { host, port: portOf(port), name, log: logOf(log) };
}

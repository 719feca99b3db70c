/** greeter, the sample service of gRPC. */
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { describeFile, registryOf } from '../grpc/schema.ts';
import { printableWord } from '../printable.ts';
import { begin, goOn, listen } from '../program.ts';
import { type LogEntry, logLine } from '../request-log.ts';
import { help, type Options, parseCommandLine } from './command-line.ts';
import { methodsOf } from './methods.ts';
import { greeterFiles } from './schema.ts';
import { grpcServer } from './server.ts';

const statusNames = Object.keys(grpcStatus);

function run(options: Options): void {
  const registry = registryOf(greeterFiles.map(describeFile));
  const log = (entry: LogEntry) => process.stdout.write(`${line(entry, options)}\n`);
  const server = grpcServer(registry, methodsOf(registry), log);
  listen('greeter', server, options, port =>
    process.stdout.write(`${options.name} listens on ${options.host}:${port}\n`),
  );
  goOn();
}

const line = (entry: LogEntry, options: Options): string =>
  logLine(entry, options, printableWord(entry.path), statusNames[entry.status] ?? '');

begin({ name: 'greeter', help, parse: parseCommandLine, run });

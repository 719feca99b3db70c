/** httpbin, the sample service: answers HTTP requests with what it was sent, and with what it was asked for. */

import { printableWord } from '../printable.ts';
import { begin, goOn, listen } from '../program.ts';
import { type LogEntry, logLine } from '../request-log.ts';
import { help, type Options, parseCommandLine } from './command-line.ts';
import { httpbin } from './server.ts';

/** How long requests that are under way may take at the end, in milliseconds. */
const grace = 1000;

function run(options: Options): void {
  const server = httpbin(entry => process.stdout.write(`${line(entry, options)}\n`), options);
  listen('httpbin', server, options, port => {
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    process.stdout.write(`${options.name} listens on http://${host}:${port}\n`);
  });
  goOn(() => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), grace).unref();
  });
}

function line(entry: LogEntry, options: Options): string {
  const status = entry.status === 0 ? 'client left' : String(entry.status);
  return logLine(entry, options, `${entry.method} ${printableWord(entry.path)}`, status);
}

begin({ name: 'httpbin', help, parse: parseCommandLine, run });

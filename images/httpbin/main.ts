/** httpbin, the sample service: answers HTTP requests with what it was sent, and with what it was asked for. */
import type { AddressInfo } from 'node:net';
import { collectWhenIdle } from '../../proxy/idle-memory.ts';
import { help, type Options, parseCommandLine, UsageError } from './command-line.ts';
import { httpbin, type LogEntry } from './server.ts';

/** How long requests that are under way may take at the end, in milliseconds. */
const grace = 1000;

function main(): void {
  try {
    const options = parseCommandLine(process.argv.slice(2));
    if (options) run(options);
    else process.stdout.write(help);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`httpbin: ${error.message}\n\n${help}`);
    process.exitCode = 2;
  }
}

function run(options: Options): void {
  const server = httpbin(entry => process.stdout.write(`${line(entry, options)}\n`));
  server.on('error', error => {
    process.stderr.write(`httpbin: ${reason(error, options)}\n`);
    process.exitCode = 1;
  });
  server.listen(options.port, options.host, () => {
    const { port } = server.address() as AddressInfo;
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    process.stdout.write(`${options.name} listens on http://${host}:${port}\n`);
  });
  const stop = () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), grace).unref();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  collectWhenIdle();
  // a reader of the log that went away ends nothing
  process.stdout.on('error', () => {});
}

function line(entry: LogEntry, { log, name }: Options): string {
  if (log === 'json') return JSON.stringify({ upstream: name, ...entry });
  const time = new Date(entry.atMs).toISOString().slice(11, 23);
  const status = entry.status === 0 ? 'client left' : String(entry.status);
  return `${time} ${entry.method} ${printable(entry.path)} ${status} ${entry.durationMs} ms`;
}

/** Nothing that a terminal would act on. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?');
}

function reason(error: Error, { host, port }: Options): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is taken; is another one running? Choose a port with --port.`;
  if (code === 'EADDRNOTAVAIL') return `${host} is not an address of this machine.`;
  if (code === 'EACCES') return `port ${port} needs more rights; choose one from 1024 on.`;
  return error.message;
}

main();

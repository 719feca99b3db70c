/** grpcurl, the client of gRPC for the terminal. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../program.ts';
import { ActionError, act } from './actions.ts';
import { DialError, dial } from './connection.ts';
import { help, type Options, parseCommandLine } from './flags.ts';

/** As grpcurl does, so that a script may tell apart why it ended. */
const exits = { failed: 1, usage: 2 };

async function main(): Promise<void> {
  const options = parseCommandLine(process.argv.slice(2));
  if (options === 'help') return write(help);
  if (options === 'version') return write("grpcurl of the workshop's own\n");
  if (options.data === '@') options.data = readFileSync(0, 'utf8');
  await run(options);
}

async function run(options: Options): Promise<void> {
  const deadlineMs = options.maxTimeMs === undefined ? undefined : performance.now() + options.maxTimeMs;
  const session = await dial(options);
  const authority = options.authority ?? options.address;
  try {
    process.exitCode = await act({ session, authority, headers: options.headers, deadlineMs }, options, write);
  } finally {
    session.close();
    // A stream that was given up may still wait for the server.
    session.unref();
  }
}

function write(text: string): void {
  process.stdout.write(text);
}

// a reader that went away ends nothing
process.stdout.on('error', () => {});
main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\nTry 'grpcurl -help' for more details.\n`);
    process.exitCode = exits.usage;
  } else if (error instanceof DialError || error instanceof ActionError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = exits.failed;
  } else throw error;
});

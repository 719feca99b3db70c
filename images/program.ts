/** What the programs of a sandbox have in common: how they read their command line, listen, and end. */
import type { AddressInfo, Server } from 'node:net';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { collectWhenIdle } from '../proxy/idle-memory.ts';

/** Arguments that cannot be understood; the message is for the person at the terminal. */
export class UsageError extends Error {
  readonly code = 'usage';
}

export interface Place {
  host: string;
  port: number;
}

/** `parseArgs` of the system, whose complaints become those of ours. @throws UsageError */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The value of `--port`. @throws UsageError */
export function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new UsageError(`--port ${text}: a number from 0 to 65535 is expected`);
  return port;
}

export interface Program<Options> {
  name: string;
  help: string;
  /** Reads the command line; null asks for the help text. @throws UsageError */
  parse(args: string[]): Options | null;
  run(options: Options): void;
}

/** Runs a program, shows its help, or says how it is used. */
export function begin<Options>({ name, help, parse, run }: Program<Options>): void {
  // a reader of what it writes that went away ends nothing
  process.stdout.on('error', () => {});
  try {
    const options = parse(process.argv.slice(2));
    if (options === null) process.stdout.write(help);
    else run(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    fail(name, `${error.message}\n\n${help.trimEnd()}`, 2);
  }
}

/** Says why a program ends, or did not begin. */
export function fail(name: string, reason: string, exitCode = 1): void {
  process.stderr.write(`${name}: ${reason}\n`);
  process.exitCode = exitCode;
}

/** Lets the server of a program listen, or says why it cannot. @param onListening is told the port, which `place` may have left open */
export function listen(name: string, server: Server, place: Place, onListening: (port: number) => void): void {
  server.on('error', error => fail(name, listenFailure(error, place)));
  server.listen(place.port, place.host, () => onListening((server.address() as AddressInfo).port));
}

/** Why a program cannot listen, and what to do about it, for the person at the terminal. */
export function listenFailure(error: Error, { host, port }: Place): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is taken; is another one running? Choose a port with --port.`;
  if (code === 'EADDRNOTAVAIL') return `${host} is not an address of this machine.`;
  if (code === 'EACCES') return `port ${port} needs more rights; choose one from 1024 on.`;
  return error.message;
}

/** Goes on until it is told to end by Ctrl-C or the system. */
export function goOn(end: () => void = () => process.exit(0)): void {
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  collectWhenIdle();
}

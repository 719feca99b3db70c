/** What the operators of access log formats are made of. */
import type { Json } from '../configuration/json.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';

/** What a command finds for one request; undefined prints as `-`, and as null in JSON. */
export interface Command {
  (info: StreamInfo): Json | undefined;
  /** What it prints within a text, where that is not the same. */
  inText?: (info: StreamInfo) => string | undefined;
}

/** Turns a command's argument into the command. Throws FormatError on a bad one. */
export type Compiler = (argument: string | undefined) => Command;

/** Operators that a format's extensions add, by name. */
export type Formatters = ReadonlyMap<string, Compiler>;

/** A format that cannot be used. */
export class FormatError extends Error {
  readonly code = 'BAD_FORMAT';
}

/** A text; '' is nothing. */
export const text = (read: (info: StreamInfo) => string): Compiler => {
  const command: Command = info => read(info) || undefined;
  return () => command;
};

export const number =
  (read: (info: StreamInfo) => number): Compiler =>
  () =>
    read;

/** A time span; -1 where it never ended. */
export const span = (read: (info: StreamInfo) => number): Compiler => {
  const command: Command = info => {
    const value = read(info);
    return value < 0 ? undefined : Math.floor(value);
  };
  return () => command;
};

/** `127.0.0.1` of `127.0.0.1:80`; a text without a port stays as it is. */
export const withoutPort = (address: string): string => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
/** '' of a pipe. */
export function portOf(text: string): string {
  const { address, port } = splitAddress(text);
  return isPipe(address) ? '' : String(port);
}

/** Access log formats: text with operators, compiled once. */
import type { StreamInfo } from '../stream-info.ts';
import { type Command, compileCommand, FormatError } from './commands.ts';

/** Prints one request. The text holds bytes: one character each, as header values do. */
export type Formatter = (info: StreamInfo) => string;

/** What is logged where no format is configured. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

/** A piece of a format: literal text, or a command. */
export type Piece = string | Command;

const commandPattern = /^%([A-Z0-9_]+)(?:\((.*?)\))?(?::(\d+))?%/s;

/** Takes a format apart. Throws FormatError in Envoy's words. */
export function parseFormat(format: string): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  for (let position = 0; position < format.length; ) {
    if (format[position] !== '%') {
      literal += format[position++];
    } else if (format[position + 1] === '%') {
      literal += '%';
      position += 2;
    } else {
      const [whole, name = '', argument, length] = commandPattern.exec(format.slice(position)) ?? [];
      if (whole === undefined) {
        throw new FormatError(
          `Incorrect configuration: ${format}. Couldn't find valid command at position ${position}`,
        );
      }
      if (literal !== '') pieces.push(bytesOf(literal));
      literal = '';
      pieces.push(truncated(compileCommand(name, argument), length));
      position += whole.length;
    }
  }
  if (literal !== '') pieces.push(bytesOf(literal));
  return pieces;
}

/** Compiles a text format; what a request lacks prints as `-`, or as nothing. */
export function compileFormat(format: string, omitEmpty = false): Formatter {
  const pieces = parseFormat(format);
  const missing = omitEmpty ? '' : '-';
  return info => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : (piece(info) ?? missing);
    return line;
  };
}

/** Text of the configuration as bytes, one character each. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function truncated(command: Command, length: string | undefined): Command {
  if (length === undefined) return command;
  const limit = Number(length);
  return info => {
    const value = command(info);
    return typeof value === 'string' ? value.slice(0, limit) : value;
  };
}

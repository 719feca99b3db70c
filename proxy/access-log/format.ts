/** Access log formats: text with operators, compiled once. */

import { canonical, type Json } from '../configuration/json.ts';
import { asBytes } from '../net/latin1.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Command, FormatError, type Formatters } from './command.ts';
import { compileCommand } from './commands.ts';

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
export function parseFormat(format: string, formatters?: Formatters): Piece[] {
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
      if (literal !== '') pieces.push(asBytes(literal));
      literal = '';
      pieces.push(truncated(compileCommand(name, argument, length !== undefined, formatters), length));
      position += whole.length;
    }
  }
  if (literal !== '') pieces.push(asBytes(literal));
  return pieces;
}

/** Compiles a text format; what a request lacks prints as `-`, or as nothing. */
export function compileFormat(format: string, omitEmpty = false, formatters?: Formatters): Formatter {
  const pieces = parseFormat(format, formatters).map(piece =>
    typeof piece === 'string' ? piece : (piece.inText ?? piece),
  );
  const missing = omitEmpty ? '' : '-';
  return info => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : printed(piece(info) ?? missing);
    return line;
  };
}

/** A structure prints as JSON. */
function printed(value: Json): string {
  return typeof value === 'object' ? canonical(value) : String(value);
}

function truncated(command: Command, length: string | undefined): Command {
  if (length === undefined) return command;
  const limit = Number(length);
  const { inText } = command;
  // A value of its own type is not cut off.
  if (inText !== undefined)
    return Object.assign((info: StreamInfo) => command(info), {
      inText: (info: StreamInfo) => inText(info)?.slice(0, limit),
    });
  return info => {
    const value = command(info);
    return typeof value === 'string' || typeof value === 'object' ? printed(value).slice(0, limit) : value;
  };
}

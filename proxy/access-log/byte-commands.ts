/** Operators that print how many bytes went over the wire. */
import type { WireBytes } from '../http/wire-bytes.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type Compiler, number } from './command.ts';

type BytesOf = (info: StreamInfo) => WireBytes | undefined;

function sideCommands(side: string, of: BytesOf): Record<string, Compiler> {
  const count = (read: (bytes: WireBytes) => number): Compiler =>
    number(info => {
      const bytes = of(info);
      return bytes === undefined ? 0 : read(bytes);
    });
  return {
    [`${side}_WIRE_BYTES_RECEIVED`]: count(bytes => bytes.received),
    [`${side}_WIRE_BYTES_SENT`]: count(bytes => bytes.sent),
    [`${side}_HEADER_BYTES_RECEIVED`]: count(bytes => bytes.headersReceived),
    [`${side}_HEADER_BYTES_SENT`]: count(bytes => bytes.headersSent),
    [`${side}_DECOMPRESSED_HEADER_BYTES_RECEIVED`]: count(bytes => bytes.plainHeadersReceived),
    [`${side}_DECOMPRESSED_HEADER_BYTES_SENT`]: count(bytes => bytes.plainHeadersSent),
  };
}

export const byteCommands: Record<string, Compiler> = {
  ...sideCommands('DOWNSTREAM', info => info.downstreamBytes),
  ...sideCommands('UPSTREAM', info => info.upstreamBytes),
};

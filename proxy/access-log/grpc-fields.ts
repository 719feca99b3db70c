/** Parts of messages that tell a service of access logs, written by hand. @see proxy/grpc/wire.ts */

import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { writeMessage, writeText } from '../grpc/wire.ts';
import { splitAddress } from '../net/address-range.ts';
import { asText } from '../net/latin1.ts';
import { isPipe } from '../net/pipe.ts';

/** A text whose characters are bytes, as headers have them; left out where it is undefined or empty. */
export function writeBytesAsText(writer: BinaryWriter, field: number, bytes: string | undefined): void {
  if (bytes === undefined || bytes === '') return;
  writeText(writer, field, asText(bytes));
}

/** A number that is not 0, of the types uint32, uint64, enums and true. */
export function writeNumber(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) writer.tag(field, WireType.Varint).uint64(value);
}

/** `google.protobuf.UInt32Value` */
export function writeWrapped(writer: BinaryWriter, field: number, value: number): void {
  writeMessage(writer, field, () => writeNumber(writer, 1, value));
}

const perSecond = 1000;
const nanosecondsPerMs = 1_000_000;

/** `google.protobuf.Duration` and `Timestamp`, of milliseconds; left out where they are below zero. */
export function writeTime(writer: BinaryWriter, field: number, milliseconds: number): void {
  if (milliseconds < 0) return;
  const seconds = Math.floor(milliseconds / perSecond);
  writeMessage(writer, field, () => {
    writeNumber(writer, 1, seconds);
    writeNumber(writer, 2, Math.floor((milliseconds - seconds * perSecond) * nanosecondsPerMs));
  });
}

/** An `envoy.config.core.v3.Address` of `ip:port`, or of a pipe's path; left out where there is none. */
export function writeAddress(writer: BinaryWriter, field: number, address: string): void {
  if (address === '') return;
  const { address: host, port } = splitAddress(address);
  if (isPipe(host)) {
    writeMessage(writer, field, () => writeMessage(writer, 2, () => writeText(writer, 1, host)));
    return;
  }
  writeMessage(writer, field, () =>
    writeMessage(writer, 1, () => {
      writeText(writer, 2, host);
      // One of several that exclude each other is written even where it is 0.
      writer.tag(3, WireType.Varint).uint32(port);
    }),
  );
}

/** One entry of a map from texts to texts. */
export function writeEntry(writer: BinaryWriter, field: number, key: string, value: string): void {
  writeMessage(writer, field, () => {
    writeBytesAsText(writer, 1, key);
    writeBytesAsText(writer, 2, value);
  });
}

/** `google.protobuf.Struct` */
export function writeStruct(writer: BinaryWriter, field: number, fields: JsonObject): void {
  writeMessage(writer, field, () => {
    for (const [key, value] of Object.entries(fields))
      writeMessage(writer, 1, () => {
        writeBytesAsText(writer, 1, key);
        writeMessage(writer, 2, () => writeValue(writer, value));
      });
  });
}

function writeValue(writer: BinaryWriter, value: Json): void {
  if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(asText(value));
  else if (typeof value === 'number') writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === 'boolean') writer.tag(4, WireType.Varint).bool(value);
  else if (Array.isArray(value))
    writeMessage(writer, 6, () => {
      for (const one of value) writeMessage(writer, 1, () => writeValue(writer, one));
    });
  else if (isObject(value)) writeStruct(writer, 5, value);
  else writer.tag(1, WireType.Varint).int32(0);
}

/** Small messages of protocol buffers by hand: the schema, which would take megabytes, lives in another process. */
import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A text, where it is not empty. */
export function writeText(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value);
}

/** A message within the message. */
export function writeMessage(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

/**
 * Reads a message field by field.
 * @param read takes a field's value and answers whether it knows it; others are left out
 * @throws Error for what is no message
 */
export function readFields(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (!read(field, reader)) reader.skip(type, field);
  }
}

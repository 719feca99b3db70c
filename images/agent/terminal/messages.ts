/** Encodes what the agent tells viewers, and decodes what they send. */
import { terminalMessage } from '../protocol/terminal.ts';
import type { Snapshot } from './screen.ts';

export function outputMessage(offset: number, bytes: Buffer): Buffer {
  const message = Buffer.allocUnsafe(9 + bytes.length);
  message[0] = terminalMessage.output;
  message.writeDoubleBE(offset, 1);
  bytes.copy(message, 9);
  return message;
}

export function resizeMessage(columns: number, rows: number): Buffer {
  const message = Buffer.allocUnsafe(5);
  message[0] = terminalMessage.resize;
  message.writeUInt16BE(columns, 1);
  message.writeUInt16BE(rows, 3);
  return message;
}

export function snapshotMessage({ offset, columns, rows, bytes }: Snapshot): Buffer {
  const head = Buffer.allocUnsafe(13);
  head[0] = terminalMessage.snapshot;
  head.writeDoubleBE(offset, 1);
  head.writeUInt16BE(columns, 9);
  head.writeUInt16BE(rows, 11);
  return Buffer.concat([head, bytes]);
}

export function promptMessage(atPrompt: boolean): Buffer {
  return Buffer.from([terminalMessage.prompt, atPrompt ? 1 : 0]);
}

export function exitMessage(status: number): Buffer {
  const message = Buffer.allocUnsafe(5);
  message[0] = terminalMessage.exit;
  message.writeInt32BE(status, 1);
  return message;
}

export type ViewerMessage =
  | { type: 'input'; bytes: Buffer }
  | { type: 'resize'; columns: number; rows: number }
  | { type: 'ack'; offset: number };

/** What a viewer said, or undefined where it makes no sense. */
export function decodeViewerMessage(message: Buffer): ViewerMessage | undefined {
  if (message[0] === terminalMessage.input) return { type: 'input', bytes: message.subarray(1) };
  if (message[0] === terminalMessage.resize && message.length === 5)
    return { type: 'resize', columns: message.readUInt16BE(1), rows: message.readUInt16BE(3) };
  if (message[0] === terminalMessage.ack && message.length === 9) {
    const offset = message.readDoubleBE(1);
    return Number.isSafeInteger(offset) && offset >= 0 ? { type: 'ack', offset } : undefined;
  }
  return undefined;
}

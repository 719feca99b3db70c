import { terminalMessage } from '../../images/agent/protocol/terminal.ts';

/** What the agent tells a viewer. */
export type TerminalEvent =
  | { type: 'output'; offset: number; bytes: Uint8Array }
  | { type: 'resize'; columns: number; rows: number }
  | { type: 'snapshot'; offset: number; columns: number; rows: number; bytes: Uint8Array }
  | { type: 'prompt'; atPrompt: boolean }
  | { type: 'exit'; status: number };

/** Reads a message of the agent; null for one that is unknown or cut short. */
export function decode(data: ArrayBuffer): TerminalEvent | null {
  try {
    return decodeView(new DataView(data));
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}

function decodeView(view: DataView<ArrayBuffer>): TerminalEvent | null {
  const rest = (from: number) => new Uint8Array(view.buffer, from);
  switch (view.getUint8(0)) {
    case terminalMessage.output:
      return { type: 'output', offset: view.getFloat64(1), bytes: rest(9) };
    case terminalMessage.resize:
      return { type: 'resize', columns: view.getUint16(1), rows: view.getUint16(3) };
    case terminalMessage.snapshot:
      return {
        type: 'snapshot',
        offset: view.getFloat64(1),
        columns: view.getUint16(9),
        rows: view.getUint16(11),
        bytes: rest(13),
      };
    case terminalMessage.prompt:
      return { type: 'prompt', atPrompt: view.getUint8(1) === 1 };
    case terminalMessage.exit:
      return { type: 'exit', status: view.getInt32(1) };
    default:
      return null;
  }
}

/** The server refuses messages of more than 64 KiB. */
const largestInput = 32 * 1024;

/** A long paste, cut into parts that each fit into a message. */
export function inParts(bytes: Uint8Array): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / largestInput));
  return Array.from({ length: count }, (_, part) => bytes.subarray(part * largestInput, (part + 1) * largestInput));
}

/** What was typed. */
export function encodeInput(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(1 + bytes.length);
  message[0] = terminalMessage.input;
  message.set(bytes, 1);
  return message;
}

/** The size that would fit. */
export function encodeResize(columns: number, rows: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(5));
  view.setUint8(0, terminalMessage.resize);
  view.setUint16(1, columns);
  view.setUint16(3, rows);
  return new Uint8Array(view.buffer);
}

/** All output before `offset` is on the screen. */
export function encodeAck(offset: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(9));
  view.setUint8(0, terminalMessage.ack);
  view.setFloat64(1, offset);
  return new Uint8Array(view.buffer);
}

/**
 * The byte stream between the lab server and a sandbox's agent: many streams on one connection.
 *
 * A frame is a 9-byte head and a body:
 *
 *     | length u32be | stream u32be | kind u8 | body (length bytes) |
 *
 * Stream 0 belongs to the connection: each side first sends `open` there with a `Hello`. All other streams are opened by the
 * server (odd ids, rising). Data is flow-controlled for each stream and each direction by credit: a side may send
 * `initialCredit` bytes of data, and more only as the other grants it. A data frame is never empty. The agent's `end` or `error` closes a
 * stream whole; the server's `end` says only that it has no more data, its `error` closes the stream whole.
 */

export const protocolVersion = 1;

/** Bytes of data that a side may send on a new stream before it was granted more. */
export const initialCredit = 256 * 1024;

/** The largest body of a frame, in bytes; a longer one is a protocol error and closes the connection. */
export const maximumBody = 1024 * 1024;

export const frameHead = 9;

export const kind = {
  /** Opens a stream; the body is JSON, an `OpenRequest` (on stream 0: a `Hello`). */
  open: 0,
  /** Bytes of the stream. */
  data: 1,
  /** The last frame of a side that went well; from the agent, the body is the method's result as JSON. */
  end: 2,
  /** The last frame of a stream that failed; the body is JSON, an `AgentFailure`. From the server: the caller gave up. */
  error: 3,
  /** The receiver may be sent as many more bytes of data; the body is a u32be. */
  credit: 4,
  /** From the agent on stream 0: something happened; the body is JSON, an `AgentEvent`. */
  event: 5,
  /** On stream 0: are you there? The other side answers with `pong` at once. No body. */
  ping: 6,
  pong: 7,
} as const;
export type Kind = (typeof kind)[keyof typeof kind];

export interface Frame {
  stream: number;
  kind: Kind;
  body: Buffer;
}

/** Encodes a frame's head; the body is written after it, uncopied. */
export function encodeHead(stream: number, frameKind: Kind, length: number): Buffer {
  const head = Buffer.allocUnsafe(frameHead);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(stream, 4);
  head[8] = frameKind;
  return head;
}

/** Cuts a byte stream into frames, whatever the chunks are. Throws a RangeError for a frame that is too long. */
export class FrameParser {
  #pending: Buffer = Buffer.alloc(0);

  /** Takes the next bytes and returns the frames that are complete now. Bodies are views of the input where possible. */
  push(chunk: Buffer): Frame[] {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: Frame[] = [];
    while (bytes.length >= frameHead) {
      const length = bytes.readUInt32BE(0);
      if (length > maximumBody) throw new RangeError(`a frame of ${length} bytes, ${maximumBody} are allowed`);
      if (bytes.length < frameHead + length) break;
      frames.push({
        stream: bytes.readUInt32BE(4),
        kind: bytes[8] as Kind,
        body: bytes.subarray(frameHead, frameHead + length),
      });
      bytes = bytes.subarray(frameHead + length);
    }
    this.#pending = bytes;
    return frames;
  }
}

/** Frames as text of one character a byte, which transports gather. @see https://www.rfc-editor.org/rfc/rfc9113#section-4 */

export const frameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const frameFlag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const;

export const setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

/** What a client begins with. */
export const connectionPreface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export const frameHeadBytes = 9;
/** Payload (bytes) that every peer takes; we ask for no more, and send no more, since it would only delay other streams. */
export const defaultFrameSize = 16_384;
export const defaultWindow = 65_535;
export const largestWindow = 0x7fff_ffff;

export function frameHead(length: number, type: number, flags: number, stream: number): string {
  return String.fromCharCode(
    length >>> 16,
    (length >>> 8) & 255,
    length & 255,
    type,
    flags,
    (stream >>> 24) & 127,
    (stream >>> 16) & 255,
    (stream >>> 8) & 255,
    stream & 255,
  );
}

function number32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** @param values pairs of a setting and its value */
export function settingsFrame(values: readonly (readonly [number, number])[]): string {
  const payload = values.map(([id, value]) => String.fromCharCode(id >>> 8, id & 255) + number32(value)).join('');
  return frameHead(payload.length, frameType.SETTINGS, 0, 0) + payload;
}

export const settingsAckFrame = frameHead(0, frameType.SETTINGS, frameFlag.ACK, 0);

export function resetFrame(stream: number, code: number): string {
  return frameHead(4, frameType.RST_STREAM, 0, stream) + number32(code);
}

export function windowUpdateFrame(stream: number, bytes: number): string {
  return frameHead(4, frameType.WINDOW_UPDATE, 0, stream) + number32(bytes);
}

/** @param opaque eight bytes */
export function pingFrame(opaque: string, ack: boolean): string {
  return frameHead(8, frameType.PING, ack ? frameFlag.ACK : 0, 0) + opaque;
}

export function goAwayFrame(lastStream: number, code: number): string {
  return frameHead(8, frameType.GOAWAY, 0, 0) + number32(lastStream) + number32(code);
}

/** A block of fields, in as many frames as it needs. */
export function headersFrames(stream: number, block: string, end: boolean): string {
  const frameSize = defaultFrameSize;
  const flags = end ? frameFlag.END_STREAM : 0;
  if (block.length <= frameSize)
    return frameHead(block.length, frameType.HEADERS, flags | frameFlag.END_HEADERS, stream) + block;
  let text = frameHead(frameSize, frameType.HEADERS, flags, stream) + block.slice(0, frameSize);
  for (let at = frameSize; at < block.length; at += frameSize) {
    const piece = block.slice(at, at + frameSize);
    const last = at + frameSize >= block.length ? frameFlag.END_HEADERS : 0;
    text += frameHead(piece.length, frameType.CONTINUATION, last, stream) + piece;
  }
  return text;
}

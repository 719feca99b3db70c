/** Frames of HTTP/2 as a test writes them, byte by byte, and as it reads what comes back. */
import { connect } from 'node:net';
import { HpackDecoder } from '../../proxy/http2/hpack/decoder.ts';

const types = ['DATA', 'HEADERS', 'PRIORITY', 'RST_STREAM', 'SETTINGS', 'PUSH_PROMISE', 'PING', 'GOAWAY'];
types.push('WINDOW_UPDATE', 'CONTINUATION');

const codes = ['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT'];
codes.push('STREAM_CLOSED', 'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR');
codes.push('ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED');

export const end = 1;
const endHeaders = 4;

export function frame(type: string, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = types.indexOf(type);
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as literals that go into no table, `name: value` each. */
function block(fields: readonly string[]): Buffer {
  const string = (text: string) => Buffer.concat([integer(text.length, 7), Buffer.from(text, 'latin1')]);
  return Buffer.concat(
    fields.flatMap(field => {
      const at = field.indexOf(':', 1);
      return [Buffer.of(0), string(field.slice(0, at)), string(field.slice(at + 1).replace(/^ /, ''))];
    }),
  );
}

function integer(value: number, bits: number): Buffer {
  const most = (1 << bits) - 1;
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

export function headers(stream: number, fields: readonly string[], flags = end): Buffer {
  return frame('HEADERS', flags | endHeaders, stream, block(fields));
}

/** The fields of a request. */
export function get(path: string, ...more: string[]): string[] {
  return [':method: GET', ':scheme: http', ':authority: example.com', `:path: ${path}`, ...more];
}

export function post(path: string, ...more: string[]): string[] {
  return [':method: POST', ':scheme: http', ':authority: example.com', `:path: ${path}`, ...more];
}

export function data(stream: number, text: string, flags = 0): Buffer {
  return frame('DATA', flags, stream, Buffer.from(text));
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface FramesOptions {
  /** What is sent before; `null`: nothing. */
  settings?: [number, number][] | null;
  /** Milliseconds without a frame after which nothing more is expected. */
  quietMs?: number;
  /** Milliseconds for what follows the end of all streams that were begun. */
  settlingMs?: number;
  /** Ends the connection once that was sent. */
  hangUp?: boolean;
}

/**
 * Sends these pieces one after the other and tells what came back until it is quiet, a line for each frame, stream by stream; the
 * frames that tell of windows are left out, and those of data are put together.
 */
export async function talk(port: number, pieces: readonly Buffer[], options: FramesOptions = {}): Promise<string[]> {
  const { settings = [], quietMs = 400, settlingMs = 100, hangUp = false } = options;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const streams = new Map<number, string[]>();
  const opened = pieces.filter(piece => piece[3] === types.indexOf('HEADERS')).map(piece => piece.readUInt32BE(5));
  const isOver = (id: number) => streams.get(id)?.some(line => line.endsWith(' end') || line.startsWith('RST_STREAM'));
  const decoder = new HpackDecoder();
  let bytes: Buffer = Buffer.alloc(0);
  let closed = false;
  if (settings !== null) {
    const payload = Buffer.concat(settings.map(([id, value]) => Buffer.concat([Buffer.of(0, id), number32(value)])));
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame('SETTINGS', 0, 0, payload)]));
  }
  for (const piece of pieces) socket.write(piece);
  if (hangUp) socket.end();
  await new Promise<void>(resolve => {
    let timer = setTimeout(resolve, quietMs);
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk]);
      bytes = take(bytes, decoder, streams);
      clearTimeout(timer);
      timer = setTimeout(resolve, opened.length > 0 && opened.every(isOver) ? settlingMs : quietMs);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      closed = true;
      clearTimeout(timer);
      resolve();
    });
  });
  socket.destroy();
  const lines = [...streams].sort(([a], [b]) => a - b).flatMap(([, linesOfStream]) => linesOfStream);
  return closed ? [...lines, 'closed'] : lines;
}

function take(bytes: Buffer, decoder: HpackDecoder, streams: Map<number, string[]>): Buffer {
  let rest = bytes;
  while (rest.length >= 9) {
    const length = rest.readUIntBE(0, 3);
    if (rest.length < 9 + length) break;
    const payload = rest.subarray(9, 9 + length);
    const stream = rest.readUInt32BE(5);
    const lines = streams.get(stream) ?? [];
    streams.set(stream, lines);
    tell(types[rest[3]!] ?? `type ${rest[3]}`, rest[4]!, stream, payload, decoder, lines);
    rest = rest.subarray(9 + length);
  }
  return rest;
}

function tell(
  type: string,
  flags: number,
  stream: number,
  payload: Buffer,
  decoder: HpackDecoder,
  lines: string[],
): void {
  const ends = (flags & end) !== 0 ? ' end' : '';
  switch (type) {
    case 'HEADERS': {
      const fields = decoder.decode(payload, 0, payload.length, { maximumBytes: 1e6, maximumHeaders: 1000 });
      const pairs = fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${fields[i + 1]}`] : []));
      lines.push(`HEADERS ${stream}${ends}`, ...pairs.map(pair => `  ${normalizeField(pair)}`));
      break;
    }
    case 'DATA': {
      const before = `DATA ${stream}: `;
      const text = payload.toString('latin1');
      if (lines.at(-1)?.startsWith(before)) lines[lines.length - 1] += text + ends;
      else lines.push(before + text + ends);
      break;
    }
    case 'RST_STREAM':
      lines.push(`RST_STREAM ${stream} ${codes[payload.readUInt32BE(0)]}`);
      break;
    case 'GOAWAY':
      lines.push(`GOAWAY ${payload.readUInt32BE(0)} ${codes[payload.readUInt32BE(4)]}`);
      break;
    case 'PING':
      lines.push(`PING${ends} ${payload.toString('latin1')}`);
      break;
    default:
  }
}

function normalizeField(field: string): string {
  return field.replace(/^(date: ).*/, '$1<date>').replace(/^(x-envoy-upstream-service-time: )\d+/, '$1<ms>');
}

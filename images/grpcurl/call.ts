/** One call of gRPC, from the client's side. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import { STATUS_CODES } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { codeOf, percentDecode } from '../../proxy/http/grpc.ts';

const mostMessageBytes = 4 * 1024 * 1024;

export type Metadata = [string, string][];

/** How a call ended. */
export interface CallEnd {
  /** 0 to 16. */
  status: number;
  message: string;
  trailers: Metadata;
}

/** Hears what comes, in this order, and nothing after the end. */
export interface Hearer {
  /** Not called where an answer has nothing but trailers. */
  onHeaders(headers: Metadata): void;
  onMessage(message: Buffer): void;
  onEnd(end: CallEnd): void;
}

/** What every call of a command is made with. */
export interface Caller {
  session: ClientHttp2Session;
  authority: string;
  headers: Metadata;
  /** When all of it has to be over, as `performance.now` counts; undefined: never. */
  deadlineMs: number | undefined;
}

/** A call that is under way. */
export class Call {
  readonly #stream: ClientHttp2Stream;
  readonly #hearer: Hearer;
  readonly #reader = new GrpcMessageReader(mostMessageBytes);
  readonly #timer: NodeJS.Timeout | undefined;
  #httpStatus = 0;
  #headers: Metadata = [];
  #trailers: Metadata | undefined;
  #over = false;

  /** @param path `/package.Service/Method` */
  constructor({ session, authority, headers, deadlineMs }: Caller, path: string, hearer: Hearer) {
    this.#hearer = hearer;
    const leftMs = deadlineMs === undefined ? undefined : Math.max(1, deadlineMs - performance.now());
    this.#stream = session.request({
      ':method': 'POST',
      ':path': path,
      ':authority': authority,
      'content-type': 'application/grpc',
      'user-agent': 'grpcurl/unicorn',
      te: 'trailers',
      ...(leftMs === undefined ? {} : { 'grpc-timeout': timeoutText(leftMs) }),
      ...grouped(headers),
    });
    if (leftMs !== undefined)
      this.#timer = setTimeout(() => this.#finish(grpcStatus.DEADLINE_EXCEEDED, 'context deadline exceeded'), leftMs);
    this.#listen();
  }

  send(message: Uint8Array): void {
    this.#stream.write(frameMessage(message));
  }

  /** No further message is sent. */
  end(): void {
    this.#stream.end();
  }

  #listen(): void {
    this.#stream.on('response', (_headers, flags, raw: string[]) => {
      const pairs = pairsOf(raw);
      this.#httpStatus = Number(headerValue(pairs, ':status'));
      const said = pairs.filter(([name]) => !name.startsWith(':'));
      if (flags & constants.NGHTTP2_FLAG_END_STREAM) {
        this.#trailers = said;
      } else {
        this.#headers = said;
        this.#hearer.onHeaders(said);
      }
    });
    this.#stream.on('trailers', (_headers, _flags, raw: string[]) => {
      this.#trailers = pairsOf(raw);
    });
    this.#stream.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#stream.on('error', () => {});
    this.#stream.on('close', () => this.#closed());
  }

  #read(chunk: Buffer): void {
    if (this.#over || this.#wrongAnswer() !== undefined) return;
    try {
      for (const message of this.#reader.read(chunk)) this.#hearer.onMessage(message);
    } catch (error) {
      this.#finish(grpcStatus.INTERNAL, (error as Error).message);
    }
  }

  /** Why what came is no answer of gRPC. */
  #wrongAnswer(): string | undefined {
    const type =
      headerValue(this.#trailers ?? this.#headers, 'content-type') ?? headerValue(this.#headers, 'content-type');
    const wrong: string[] = [];
    if (this.#httpStatus !== 200)
      wrong.push(
        `unexpected HTTP status code received from server: ${this.#httpStatus} (${STATUS_CODES[this.#httpStatus]})`,
      );
    if (!type?.startsWith('application/grpc'))
      wrong.push(`transport: received unexpected content-type "${type ?? ''}"`);
    return wrong.length > 0 ? wrong.join('; ') : undefined;
  }

  #closed(): void {
    const trailers = this.#trailers ?? [];
    const status = headerValue(trailers, 'grpc-status');
    if (status !== undefined) {
      const message = percentDecode(headerValue(trailers, 'grpc-message') ?? '');
      this.#finish(Number(status), Buffer.from(message, 'latin1').toString());
      return;
    }
    const wrong = this.#httpStatus === 0 ? undefined : this.#wrongAnswer();
    if (wrong !== undefined) this.#finish(codeOf(this.#httpStatus), wrong);
    else this.#finish(...resetOf(this.#stream.rstCode, this.#httpStatus !== 0));
  }

  #finish(status: number, message: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_CANCEL);
    const trailers = (this.#trailers ?? []).filter(([name]) => name !== 'grpc-status' && name !== 'grpc-message');
    this.#hearer.onEnd({ status, message, trailers });
  }
}

/** The status of a stream that ended without one. */
function resetOf(code: number, answered: boolean): [number, string] {
  const name = Object.entries(constants).find(([key, value]) => value === code && resetNames.has(key))?.[0];
  const said = `stream terminated by RST_STREAM with error code: ${name?.replace('NGHTTP2_', '') ?? code}`;
  switch (code) {
    case constants.NGHTTP2_NO_ERROR:
      return answered
        ? [grpcStatus.INTERNAL, 'server closed the stream without sending trailers']
        : [grpcStatus.UNAVAILABLE, 'error reading from server: EOF'];
    case constants.NGHTTP2_REFUSED_STREAM:
      return [grpcStatus.UNAVAILABLE, said];
    case constants.NGHTTP2_CANCEL:
      return [grpcStatus.CANCELLED, said];
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return [grpcStatus.RESOURCE_EXHAUSTED, said];
    default:
      return [grpcStatus.INTERNAL, said];
  }
}

const resetNames = new Set([
  'NGHTTP2_PROTOCOL_ERROR',
  'NGHTTP2_INTERNAL_ERROR',
  'NGHTTP2_FLOW_CONTROL_ERROR',
  'NGHTTP2_STREAM_CLOSED',
  'NGHTTP2_FRAME_SIZE_ERROR',
  'NGHTTP2_REFUSED_STREAM',
  'NGHTTP2_CANCEL',
  'NGHTTP2_CONNECT_ERROR',
  'NGHTTP2_ENHANCE_YOUR_CALM',
  'NGHTTP2_HTTP_1_1_REQUIRED',
]);

const mostDigits = 99_999_999;

/** As gRPC writes a time, as fine as eight digits allow. */
function timeoutText(timeMs: number): string {
  const micros = Math.round(timeMs * 1000);
  if (micros <= mostDigits) return `${micros}u`;
  return timeMs <= mostDigits ? `${Math.round(timeMs)}m` : `${Math.min(mostDigits, Math.round(timeMs / 1000))}S`;
}

export function headerValue(pairs: Metadata, name: string): string | undefined {
  return pairs.find(([one]) => one === name)?.[1];
}

function pairsOf(raw: readonly string[]): Metadata {
  return Array.from({ length: raw.length / 2 }, (_, i): [string, string] => [raw[2 * i] ?? '', raw[2 * i + 1] ?? '']);
}

function grouped(headers: Metadata): Record<string, string | string[]> {
  const groups: Record<string, string | string[]> = {};
  for (const [name] of headers) {
    const values = headers.filter(([one]) => one === name).map(([, value]) => value);
    groups[name] = values.length === 1 ? values[0]! : values;
  }
  return groups;
}

/**
 * Lets browsers call gRPC (Envoy's gRPC-Web): trailers become the last message of the body, and bodies may come as text.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 */
import { codeOf, percentEncode } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import {
  type FilterContext,
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { countGrpcStatus, grpcMethodOf } from './grpc-calls.ts';
import { Base64MessageWriter, Base64Reader } from './grpc-web-text.ts';

export const grpcWeb: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  compile: (_configuration, context) => stream => new GrpcWebFilter(stream, context),
};

const binary = ['application/grpc-web', 'application/grpc-web+proto'];
const text = ['application/grpc-web-text', 'application/grpc-web-text+proto'];
const grpc = ['application/grpc', 'application/grpc+proto'];
/** How much of an answer that is no gRPC is told, in bytes. */
const mostTold = 16_384;
const trailersFlag = 0x80;

class GrpcWebFilter extends StreamFilter {
  readonly #context: FilterContext;
  /** The request is one of gRPC-Web. */
  #applies = false;
  #reader: Base64Reader | undefined;
  #writer: Base64MessageWriter | undefined;
  /** What the statistics of the method begin with, behind the cluster's name. */
  #statsPrefix: string | undefined;
  /** The head of a response that is no gRPC, and as much of its body as is told. */
  #foreign: ResponseHeaders | undefined;
  #told = '';

  constructor(stream: FilterStream, context: FilterContext) {
    super(stream);
    this.#context = context;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const type = head.get('content-type') ?? '';
    this.#applies = binary.includes(type) || text.includes(type);
    if (!this.#applies) return 'continue';
    if (text.includes(type)) this.#reader = new Base64Reader();
    if (text.includes(head.get('accept') ?? '')) this.#writer = new Base64MessageWriter();
    const called = grpcMethodOf(head.path);
    if (called !== undefined) this.#statsPrefix = `grpc-web.${called.service}.${called.method}.`;
    // What we answer by ourselves is for the client, whose request was no gRPC.
    this.stream.info.repliesAsGrpc = false;
    head.remove('content-length');
    head.set('content-type', 'application/grpc');
    head.set('te', 'trailers');
    head.set('grpc-accept-encoding', 'identity');
    return 'continue';
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (this.#reader === undefined) return chunk;
    const read = this.#reader.read(chunk, end);
    if (read !== undefined) return read;
    this.stream.localReply(400, 'Bad gRPC-web request, invalid base64 data.', 'grpc_base_64_decode_failed');
    return 'hold';
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (!this.#applies) return 'continue';
    this.#count(head);
    const isForeign = !end && !grpc.includes(head.get('content-type') ?? '');
    head.set('content-type', this.#writer === undefined ? binary[1]! : text[1]!);
    if (!isForeign) return 'continue';
    this.#foreign = head;
    return 'collect';
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    if (this.#foreign !== undefined) {
      this.#told += chunk.toString('latin1', 0, mostTold - this.#told.length);
      if (end) this.#tell(this.#foreign, true);
      return 'hold';
    }
    return this.#writer?.write(chunk) ?? chunk;
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (!this.#applies) return 'continue';
    if (this.#foreign !== undefined) {
      this.#tell(this.#foreign, false);
      return 'continue';
    }
    this.#count(trailers);
    const frame = trailersFrame(trailers);
    this.stream.sendResponseData(this.#writer?.write(frame) ?? frame, true);
    return 'hold';
  }

  #count(head: HeaderMap): void {
    const { route } = this.stream;
    const cluster = this.#context.cluster(route?.cluster?.clusterName ?? '');
    if (cluster !== undefined && this.#statsPrefix !== undefined)
      countGrpcStatus(cluster.scope, this.#statsPrefix, head);
  }

  /** An answer that is no gRPC becomes the message of an error. */
  #tell(head: ResponseHeaders, end: boolean): void {
    this.#foreign = undefined;
    if (this.#told !== '') head.set('grpc-message', percentEncode(this.#told));
    head.set('grpc-status', String(codeOf(head.status)));
    head.remove('content-length');
    head.add('content-length', '0');
    this.stream.continueResponse(Buffer.alloc(0), end);
  }
}

function trailersFrame(trailers: HeaderMap): Buffer {
  const { entries } = trailers;
  let lines = '';
  for (let i = 0; i < entries.length; i += 2) lines += `${entries[i]}:${entries[i + 1]}\r\n`;
  const frame = Buffer.alloc(5 + lines.length);
  frame[0] = trailersFlag;
  frame.writeUInt32BE(lines.length, 1);
  frame.write(lines, 5, 'latin1');
  return frame;
}

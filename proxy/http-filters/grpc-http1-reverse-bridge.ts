/**
 * Lets clients of gRPC call hosts that know HTTP/1 alone (Envoy's grpc_http1_reverse_bridge): they get plain messages, and their statuses become those of
 * gRPC.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_reverse_bridge_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type {
  FilterConfig,
  FilterConfigPerRoute,
} from '../api/envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config_pb.js';
import { frameHead, frameHeadBytes, frameMessage } from '../grpc/message-reader.ts';
import { grpcStatus } from '../grpc/status.ts';
import { codeOf, isGrpc } from '../http/grpc.ts';
import { HeaderMap, type RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { CollectedBody } from './collected-body.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';

const types = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3';

export const grpcHttp1ReverseBridge: HttpFilterType = {
  typeName: `${types}.FilterConfig`,
  routeTypeName: `${types}.FilterConfigPerRoute`,
  compile: configuration => stream => new ReverseBridgeFilter(stream, configuration as Message & FilterConfig),
  /** Whether it is switched off. */
  compileRoute: configuration => (configuration as Message & FilterConfigPerRoute).disabled,
};

class ReverseBridgeFilter extends StreamFilter {
  readonly #said: FilterConfig;
  /** What the client said that it sends; undefined: the request is none for this filter. */
  #type: string | undefined;
  /** The request's frame is gone. */
  #stripped = false;
  #status = '';
  /** The response's body, which waits until its length is known; undefined: it passes as it comes. */
  #kept: CollectedBody | undefined;
  /** Bytes that the host said the response has. */
  #promised: number | undefined;
  #bytes = 0;
  /** The frame of a response that passes as it comes is there. */
  #framed = false;
  #over = false;

  constructor(stream: FilterStream, said: FilterConfig) {
    super(stream);
    this.#said = said;
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    if (end || this.stream.routeConfig === true || !isGrpc(head)) return 'continue';
    this.#type = head.get('content-type');
    head.set('content-type', this.#said.contentType);
    head.set('accept', this.#said.contentType);
    this.stream.info.repliesAsGrpc = true;
    if (this.#said.withholdGrpcFrames) adjustLength(head, -frameHeadBytes);
    this.stream.clearRoute();
    return 'continue';
  }

  override onRequestData(chunk: Buffer, _end: boolean): Passed {
    if (this.#type === undefined || !this.#said.withholdGrpcFrames || this.#stripped) return chunk;
    if (chunk.length < frameHeadBytes) {
      this.#fail(grpcStatus.UNKNOWN, 'invalid request body', 'grpc_bridge_data_too_small');
      return 'hold';
    }
    this.#stripped = true;
    return chunk.subarray(frameHeadBytes);
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (this.#type === undefined) return 'continue';
    const { contentType, withholdGrpcFrames, responseSizeHeader } = this.#said;
    if (head.get('content-type') !== contentType) {
      this.#fail(grpcStatus.UNKNOWN, wrongType(head), 'grpc_bridge_content_type_wrong');
      return 'stop';
    }
    head.set('content-type', this.#type);
    if (withholdGrpcFrames && responseSizeHeader !== '') {
      const said = /^\s*(\d{1,15})\s*(?:,|$)/.exec(head.get(responseSizeHeader.toLowerCase()) ?? '')?.[1];
      if (said === undefined) {
        const message = 'envoy reverse bridge: upstream did not set content length';
        this.#fail(grpcStatus.INTERNAL, message, 'grpc_bridge_content_length_missing');
        return 'stop';
      }
      this.#promised = Number(said);
      head.set('content-length', String(this.#promised + frameHeadBytes));
    } else if (withholdGrpcFrames) {
      adjustLength(head, frameHeadBytes);
      this.#kept = new CollectedBody(this.stream.bufferLimit);
    }
    this.#status = String(head.status === 200 ? grpcStatus.OK : codeOf(head.status));
    head.status = 200;
    if (!end || !withholdGrpcFrames) return 'continue';
    head.set('content-length', String(frameHeadBytes));
    queueMicrotask(() => this.#sendEmptyMessage());
    return 'collect';
  }

  #sendEmptyMessage(): void {
    if (this.#over) return;
    this.stream.continueResponse(frameHead(0), false);
    this.#sendStatus();
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    if (this.#type === undefined) return chunk;
    this.#bytes += chunk.length;
    if (this.#kept !== undefined) {
      if (!this.#kept.add(chunk))
        this.#fail(grpcStatus.INTERNAL, 'Internal Server Error', 'response_payload_too_large');
      else if (end) this.#sendKept(this.#kept);
      return 'hold';
    }
    const framed =
      this.#framed || this.#promised === undefined ? chunk : Buffer.concat([frameHead(this.#promised), chunk]);
    this.#framed = true;
    if (!end) return framed;
    this.stream.sendResponseData(framed, false);
    if (this.#promised !== undefined && this.#bytes !== this.#promised) {
      const message = 'envoy reverse bridge: upstream set incorrect content length';
      this.#fail(grpcStatus.INTERNAL, message, 'grpc_bridge_content_length_wrong');
      return 'hold';
    }
    this.#sendStatus();
    return 'hold';
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    if (this.#type === undefined) return 'continue';
    trailers.set('grpc-status', this.#status);
    if (this.#kept !== undefined) this.stream.sendResponseData(frameMessage(this.#kept.take()), false);
    return 'continue';
  }

  #sendKept(body: CollectedBody): void {
    this.stream.sendResponseData(frameMessage(body.take()), false);
    this.#sendStatus();
  }

  #sendStatus(): void {
    const trailers = new HeaderMap();
    trailers.set('grpc-status', this.#status);
    this.stream.sendResponseTrailers(trailers);
  }

  #fail(status: number, message: string, details: string): void {
    this.stream.localReply(200, message, details, head => head.set('grpc-status', String(status)));
  }

  override onStreamEnd(): void {
    this.#over = true;
  }
}

/** None is 0 bytes long: there is no frame then. */
function adjustLength(head: HeaderMap, by: number): void {
  const length = head.get('content-length') ?? '';
  if (/^\d+$/.test(length) && Number(length) !== 0) head.set('content-length', String(Number(length) + by));
}

function wrongType(head: ResponseHeaders): string {
  const type = head.get('content-type');
  const said = type === undefined ? 'no content-type header' : `unsupported content-type ${type}`;
  return `envoy reverse bridge: upstream responded with ${said}, status code ${head.status}`;
}

/**
 * Lets clients of HTTP/1 call gRPC (Envoy's grpc_http1_bridge): what trailers say becomes a part of the head, and protobuf without a frame may be
 * taken for a message.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_bridge_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { Config } from '../api/envoy/extensions/filters/http/grpc_http1_bridge/v3/config_pb.js';
import { frameHeadBytes, frameMessage } from '../grpc/message-reader.ts';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { CollectedBody } from './collected-body.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';

export const grpcHttp1Bridge: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config',
  compile: configuration => stream => new BridgeFilter(stream, configuration as Message & Config),
};

class BridgeFilter extends StreamFilter {
  readonly #said: Config;
  #bridges = false;
  /** The request's body, of which a message is made; undefined where it is one. */
  #request: CollectedBody | undefined;
  /** How much of the response's frame has to go before its message. */
  #frameLeft = 0;
  /** The head that waits for trailers. */
  #head: ResponseHeaders | undefined;
  readonly #response: CollectedBody;

  constructor(stream: FilterStream, said: Config) {
    super(stream);
    this.#said = said;
    this.#response = new CollectedBody(stream.bufferLimit);
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const { upgradeProtobufToGrpc, ignoreQueryParameters } = this.#said;
    const upgrades = upgradeProtobufToGrpc && head.get('content-type') === 'application/x-protobuf';
    if (upgrades) {
      head.set('content-type', 'application/grpc');
      head.remove('content-length');
      this.stream.clearRoute();
      // What we answer by ourselves is for the client, whose request was no gRPC.
      this.stream.info.repliesAsGrpc = false;
    }
    this.#bridges = this.stream.info.protocol !== 'HTTP/2' && isGrpc(head);
    if (!this.#bridges) return 'continue';
    if (ignoreQueryParameters) head.path = head.path.replace(/\?.*/s, '');
    if (upgrades) {
      this.#request = new CollectedBody(this.stream.bufferLimit);
      this.#frameLeft = frameHeadBytes;
    }
    return 'continue';
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (this.#request === undefined) return chunk;
    // Stricter than Envoy, which reads no further then, and waits.
    if (!this.#request.add(chunk)) this.stream.refuseBody();
    else if (end) this.stream.sendRequestData(this.#framed(this.#request), true);
    return 'hold';
  }

  override onRequestTrailers(): PassedTrailers {
    if (this.#request !== undefined) this.stream.sendRequestData(this.#framed(this.#request), false);
    return 'continue';
  }

  /** No bytes are no message. */
  #framed(body: CollectedBody): Buffer {
    return body.bytes === 0 ? body.take() : frameMessage(body.take());
  }

  override onResponseHead(head: ResponseHeaders, end: boolean): Verdict {
    if (!this.#bridges || end) return 'continue';
    this.#head = head;
    return 'collect';
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    if (this.#head === undefined) return chunk;
    // As in Envoy, what ends without trailers stays as it is from there on.
    const from = end ? 0 : Math.min(this.#frameLeft, chunk.length);
    this.#frameLeft -= from;
    if (!this.#response.add(chunk.subarray(from))) {
      this.#head = undefined;
      this.stream.localReply(500, 'Internal Server Error', 'response_payload_too_large');
    } else if (end) this.#passOn(true);
    return 'hold';
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    const head = this.#head;
    if (head === undefined) return 'continue';
    const status = trailers.get('grpc-status');
    const message = trailers.get('grpc-message');
    if (status !== undefined) {
      if (!/^\s*0+\s*$/.test(status)) head.status = 503;
      head.set('grpc-status', status);
    }
    if (message !== undefined) head.set('grpc-message', message);
    head.set('content-length', String(this.#response.bytes));
    this.#passOn(false);
    return 'continue';
  }

  #passOn(end: boolean): void {
    this.#head = undefined;
    this.stream.continueResponse(this.#response.take(), end);
  }
}

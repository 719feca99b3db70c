/**
 * Keeps a request's body until it is whole (Envoy's buffer): the upstream sees neither a slow client nor a body without a length.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/buffer_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type {
  BufferPerRoute,
  Buffer as Configuration,
} from '../api/envoy/extensions/filters/http/buffer/v3/buffer_pb.js';
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import { CollectedBody } from './collected-body.ts';
import {
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';

export const buffer: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.buffer.v3.Buffer',
  routeTypeName: 'envoy.extensions.filters.http.buffer.v3.BufferPerRoute',
  compile(configuration) {
    const most = (configuration as Message & Configuration).maxRequestBytes ?? 0;
    return stream => new BufferFilter(stream, (stream.routeConfig as number | undefined) ?? most);
  },
  /** How many bytes may be kept; 0 where the filter is switched off. */
  compileRoute(configuration) {
    const { override } = configuration as Message & BufferPerRoute;
    return override.case === 'buffer' ? override.value.maxRequestBytes : 0;
  },
};

class BufferFilter extends StreamFilter {
  readonly #most: number;
  readonly #body: CollectedBody;
  #head: RequestHeaders | undefined;

  /** @param most bytes; 0: nothing is kept */
  constructor(stream: FilterStream, most: number) {
    super(stream);
    this.#most = most;
    this.#body = new CollectedBody(most);
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    if (end || this.#most === 0) return 'continue';
    this.#head = head;
    return 'collect';
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (this.#head === undefined) return chunk;
    if (!this.#body.add(chunk)) this.stream.refuseBody();
    else if (end) this.#passOn(true);
    return 'hold';
  }

  /** They go on behind the body. */
  override onRequestTrailers(_trailers: HeaderMap): PassedTrailers {
    if (this.#head !== undefined) this.#passOn(false);
    return 'continue';
  }

  #passOn(end: boolean): void {
    const head = this.#head!;
    this.#head = undefined;
    if (!head.has('content-length')) head.add('content-length', String(this.#body.bytes));
    this.stream.continueRequest(this.#body.take(), end);
  }
}

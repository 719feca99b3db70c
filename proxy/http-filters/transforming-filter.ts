/** What filters have in common that send bodies through a transform: which, they say once a head is there. */
import type { HeaderMap } from '../http/headers.ts';
import { type Passed, type PassedTrailers, StreamFilter } from './filter.ts';
import type { TransformedBody } from './transformed-body.ts';

export abstract class TransformingFilter extends StreamFilter {
  /** Undefined where a body passes as it is. */
  protected request: TransformedBody | undefined;
  protected response: TransformedBody | undefined;

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    return passThrough(this.request, chunk, end);
  }

  override onRequestTrailers(trailers: HeaderMap): PassedTrailers {
    return passTrailers(this.request, trailers);
  }

  override onResponseData(chunk: Buffer, end: boolean): Passed {
    return passThrough(this.response, chunk, end);
  }

  override onResponseTrailers(trailers: HeaderMap): PassedTrailers {
    return passTrailers(this.response, trailers);
  }

  override onRequestCongested(congested: boolean): void {
    this.request?.congested(congested);
  }

  override onResponseCongested(congested: boolean): void {
    this.response?.congested(congested);
  }

  override onStreamEnd(): void {
    this.request?.stop();
    this.response?.stop();
  }
}

function passThrough(body: TransformedBody | undefined, chunk: Buffer, end: boolean): Passed {
  if (body === undefined) return chunk;
  body.add(chunk, end);
  return 'hold';
}

function passTrailers(body: TransformedBody | undefined, trailers: HeaderMap): PassedTrailers {
  if (body === undefined) return 'continue';
  body.addTrailers(trailers);
  return 'hold';
}

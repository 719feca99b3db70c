/** The errors of HTTP/2. @see https://www.rfc-editor.org/rfc/rfc9113#section-7 */
import type { BrokenBy } from '../http/codec.ts';

export const errorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** What a connection ends with: no frame can be read after it. */
export class Http2ConnectionError extends Error {
  readonly code: number;

  /** @param details in the words of `response_code_details` */
  constructor(code: number, details: string) {
    super(details);
    this.name = 'Http2ConnectionError';
    this.code = code;
  }
}

/** What one stream ends with; the connection goes on. */
export class Http2StreamError extends Error {
  readonly code: number;
  /** What its receiver is told of it. */
  readonly by: BrokenBy = 'protocol';

  /** @param details in the words of `response_code_details` */
  constructor(code: number, details: string) {
    super(details);
    this.name = 'Http2StreamError';
    this.code = code;
  }
}

/** A message that is none: its stream ends, and the connection too where the configuration does not spare it. */
export class Http2MessageError extends Http2StreamError {
  constructor(details: 'http2.invalid.header.field' | 'http2.violation.of.messaging.rule') {
    super(errorCode.PROTOCOL_ERROR, details);
    this.name = 'Http2MessageError';
  }
}

/** A head or trailers that hold more than they may. As in Envoy, the stream ends as if its peer had broken it off. */
export class Http2OverflowError extends Http2StreamError {
  override readonly by = 'reset';

  constructor() {
    super(errorCode.INTERNAL_ERROR, 'http2.too_many_headers');
    this.name = 'Http2OverflowError';
  }
}

/** A head with underscores where they may not be. It ends like one that holds too much. */
export class Http2UnderscoreError extends Http2StreamError {
  override readonly by = 'reset';

  constructor() {
    super(errorCode.INTERNAL_ERROR, 'http2.unexpected_underscore');
    this.name = 'Http2UnderscoreError';
  }
}

/** What the rest of the proxy knows of a protocol: streams with heads, data and trailers. HTTP/1 and later HTTP/2 hide behind it. */
import type { HeaderMap, RequestHeaders, ResponseHeaders } from './headers.ts';

/** A request that a client sends us: the codec calls, the connection manager answers. Chunks are valid during the call only. */
export interface RequestReceiver {
  onRequestHead(head: RequestHeaders, end: boolean): void;
  onRequestData(chunk: Buffer, end: boolean): void;
  onRequestTrailers(trailers: HeaderMap): void;
  /** The client broke the protocol in the middle of this request. */
  onRequestError(error: CodecError): void;
  /** The client went away. Nothing follows. */
  onRequestReset(reason: string): void;
  /** The client reads too slowly (true), or has caught up (false). */
  onDownstreamCongested(congested: boolean): void;
}

/** The way of a response to the client. */
export interface ResponseSender {
  sendInterim(head: ResponseHeaders): void;
  /** `close` asks for the connection to end after this response. */
  sendHead(head: ResponseHeaders, end: boolean, close: boolean): void;
  sendData(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  /** Breaks the stream off. */
  reset(): void;
  pauseReading(): void;
  resumeReading(): void;
  readonly protocol: string;
}

/** A response that an upstream sends us. */
export interface ResponseReceiver {
  /** The request got a connection and is on its way. */
  onSent(): void;
  onInterim(head: ResponseHeaders): void;
  onHead(head: ResponseHeaders, end: boolean): void;
  onData(chunk: Buffer, end: boolean): void;
  onTrailers(trailers: HeaderMap): void;
  onReset(reason: ResetReason, transportFailure: string): void;
  onUpstreamCongested(congested: boolean): void;
}

/** The way of a request to an upstream. After `cancel` the receiver hears nothing more. */
export interface RequestSender {
  sendData(chunk: Buffer, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  cancel(): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** Why a stream to an upstream ended before its response was whole. */
export type ResetReason =
  | 'connection-failure'
  | 'connection-timeout'
  | 'connection-termination'
  | 'overflow'
  | 'protocol-error'
  | 'remote-reset'
  | 'local-reset'
  | 'no-healthy-host'
  | 'timeout'
  | 'per-try-timeout'
  | 'retry-buffer-overflow';

/** A message that breaks the protocol, with what Envoy answers to it. */
export class CodecError extends Error {
  readonly status: number;
  /** In the words of `response_code_details`. */
  readonly details: string;

  constructor(status: number, details: string) {
    super(details);
    this.name = 'CodecError';
    this.status = status;
    this.details = details;
  }
}

/** Limits on heads, by Envoy's defaults. */
export interface HeadLimits {
  maximumBytes: number;
  maximumHeaders: number;
}
export const defaultLimits: HeadLimits = { maximumBytes: 60 * 1024, maximumHeaders: 100 };

/** What the rest of the proxy knows of a protocol: streams with heads, data and trailers. HTTP/1 and HTTP/2 hide behind it. */
import type { Transport } from '../net/transport.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from './headers.ts';
import type { WireBytes } from './wire-bytes.ts';

/** As access logs name it. */
export type HttpVersion = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';

/** Why a stream ended before its time: the peer broke it off, or broke the protocol, or the connection closed. */
export type BrokenBy = 'reset' | 'protocol' | 'closed';

/** A request that a client sends us: the codec calls, the connection manager answers. Chunks are valid during the call only. */
export interface RequestReceiver {
  onRequestHead(head: RequestHeaders, end: boolean): void;
  onRequestData(chunk: Buffer, end: boolean): void;
  onRequestTrailers(trailers: HeaderMap): void;
  /** The client broke the protocol in the middle of this request. */
  onRequestError(error: CodecError): void;
  /** It cannot be answered any more; nothing follows. `details` in the words of `response_code_details`. */
  onRequestReset(by: BrokenBy, details: string): void;
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
  /** Tells another receiver from now on what becomes of the request. */
  handOver(receiver: RequestReceiver): void;
  /** Breaks the stream off. */
  reset(): void;
  pauseReading(): void;
  resumeReading(): void;
  readonly protocol: HttpVersion;
  /** Of the request and what answers it. */
  readonly bytes: WireBytes;
}

/** A client's connection. */
export interface ServerCodec {
  readonly protocol: HttpVersion;
  readonly transport: Transport;
  /** Whether a request is being read or answered. */
  readonly busy: boolean;
  /** It ends the connection, all that was to be sent being sent. */
  readonly endsConnection: boolean;
  /** Takes no further request once the client could hear of it; ends the connection when none is under way. */
  drain(): void;
  /** Sends what is left, then ends the connection. */
  close(): void;
}

/** Makes the receiver of each request, and hears what happens to the connection. */
export interface ServerCodecOwner {
  newRequest(sender: ResponseSender): RequestReceiver;
  /** The client broke the protocol beyond any one request. `details` in the words of `response_code_details`. */
  onProtocolError(details: string): void;
  /** `withRequest`: a request was cut short. */
  onConnectionClosed(byPeer: boolean, withRequest: boolean): void;
  /** Nothing is going on any more; another request may come. */
  onConnectionIdle(): void;
}

/** A response that an upstream sends us. */
export interface ResponseReceiver {
  /** Where bytes are counted; undefined: nobody asks. */
  readonly bytes?: WireBytes | undefined;
  /** The request got a connection and is on its way. */
  onSent(): void;
  /** An answer before the answer: 100, 103 … */
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

/** A request on a connection to its host. */
export interface SentRequest extends RequestSender {
  /** Whether the host takes less than it is sent. */
  readonly congested: boolean;
}

/** A connection to an upstream host. */
export interface ClientCodec {
  readonly protocol: HttpVersion;
  /** How many more requests it takes now. */
  readonly capacity: number;
  /** Sends a request's head and hears its response. Only where there is capacity. */
  start(head: RequestHeaders, end: boolean, receiver: ResponseReceiver): SentRequest;
  /** Closes the connection without telling a receiver. */
  close(): void;
}

/** Whoever holds the connection. */
export interface ClientCodecOwner {
  /** An exchange is over; `reusable` tells whether another may follow. */
  onExchangeDone(reusable: boolean): void;
  onProtocolError(): void;
  /** The host takes no further requests; those under way go on. */
  onGoAway(): void;
  /** The host told how many requests it takes at a time. */
  onCapacityChanged(): void;
  /** Called before the receivers of exchanges that were cut short hear of it. */
  onConnectionClosed(byPeer: boolean): void;
}

/** Why a stream to an upstream ended before its response was whole. */
export type ResetReason =
  | 'connection-failure'
  | 'local-connection-failure'
  | 'connection-timeout'
  | 'connection-termination'
  | 'overflow'
  | 'protocol-error'
  | 'remote-reset'
  | 'refused-stream'
  | 'local-reset'
  | 'no-healthy-host'
  | 'timeout'
  | 'per-try-timeout'
  | 'max-duration'
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

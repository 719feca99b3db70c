/** The composed way of a request to a cluster: layers that each take an `Upstream` and give one. */
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResponseReceiver } from '../http/codec.ts';
import type { RequestHeaders } from '../http/headers.ts';
import type { MetadataCriteria } from '../load-balancing/metadata-criteria.ts';
import type { StreamInfo } from '../stream-info.ts';

/** One request as the layers share it. */
export interface Exchange {
  readonly info: StreamInfo;
  readonly head: RequestHeaders;
  /** The host of the present try; undefined while another one waits. */
  host: Host | undefined;
  /** The hosts of tries that failed, oldest first; kept where the retry policy asks for it. */
  readonly triedHosts: Host[];
  /** How often to choose again where a host was tried already. */
  readonly hostSelectionAttempts: number;
  /** What the metadata of its host have to be, where the cluster divides its hosts by them. */
  readonly metadataMatch: MetadataCriteria | undefined;
  /** It is not passed on: its data are, as TCP. */
  readonly asTcp: boolean;
  /** Set once the whole request came from the client. */
  requestDone: boolean;
  /** Bytes of a request's body that may be kept for a retry. */
  readonly bufferLimit: number;
  /** Undefined where the request is in no trace. */
  readonly trace?: TryTrace | undefined;
  /** What the request is hashed to by its route, 64 bits; undefined where nothing is asked for, or there is nothing of it. */
  hash(): bigint | undefined;
  /** Milliseconds since the request began. */
  elapsedMs(): number;
  /**
   * Renews the headers that tell of tries and of the time that is left.
   * @param retry counts from 1
   * @param timedOut the try before took too long
   */
  beforeRetry(retry: number, timedOut: boolean): void;
  /** The tries that were under way when all was given up, where there may be several at a time. */
  givenUp?: readonly GivenUpTry[] | undefined;
  /** Its host takes the request now: what is told of that host can change. */
  meets?: ((host: Host) => void) | undefined;
  /** Counts a try that failed while others are under way. */
  chargeTry?(host: Host | undefined, status: number): void;
  /** The try takes longer than it may, and goes on. */
  onTrySlow?(): void;
}

/** A try that nobody waits for any more. */
export interface GivenUpTry {
  host: Host | undefined;
  /** Its host was charged for it already. */
  slow: boolean;
}

/** May call the receiver before it returns; then what it returns does nothing. */
export interface Upstream {
  open(exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender;
}

/** The trace of a request, which each try at an upstream belongs to. */
export interface TryTrace {
  openTry(inner: Upstream, exchange: Exchange, end: boolean, receiver: ResponseReceiver): RequestSender;
}

export type Layer = (inner: Upstream) => Upstream;

/** The sender of an exchange that is over already. */
export const deadSender: RequestSender = {
  sendData() {},
  sendTrailers() {},
  cancel() {},
  pauseReading() {},
  resumeReading() {},
};

/** Wraps `innermost` in layers; the first of the list is the outermost. */
export function compose(layers: readonly Layer[], innermost: Upstream): Upstream {
  return layers.reduceRight((inner, layer) => layer(inner), innermost);
}

/** One of several tries of a request that are under way at a time: what of the exchange is its own. */
import type { Host } from '../cluster/host.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { MetadataCriteria } from '../load-balancing/metadata-criteria.ts';
import type { StreamInfo } from '../stream-info.ts';
import { deadSender, type Exchange, type TryTrace, type Upstream } from './upstream.ts';

const hostFacts = ['upstreamHost', 'upstreamHostname', 'upstreamLocality', 'clusterMetadata', 'hostMetadata'] as const;
const connectionFacts = ['upstreamProtocol', 'upstreamLocalAddress', 'upstreamTls', 'upstreamConnectionId'] as const;
const timeFacts = ['upstreamFirstSentMs', 'upstreamLastSentMs'] as const;
type Facts = Partial<Pick<StreamInfo, (typeof hostFacts | typeof connectionFacts | typeof timeFacts)[number]>>;

/** Who decides what becomes of tries. */
export interface TryOwner {
  /** The one that the client is answered by; undefined while that is open. */
  readonly winner: HedgedTry | undefined;
  readonly receiver: ResponseReceiver;
  onTrySlow(one: HedgedTry): void;
  onTryInterim(one: HedgedTry, head: ResponseHeaders): void;
  onTryHead(one: HedgedTry, head: ResponseHeaders, end: boolean): void;
  onTryReset(one: HedgedTry, reason: ResetReason, transportFailure: string): void;
  onTryDone(): void;
}

export class HedgedTry implements Exchange, ResponseReceiver {
  host: Host | undefined = undefined;
  sender: RequestSender = deadSender;
  /** Another one was sent beside it. */
  retried = false;
  /** It took longer than it may, which its host was charged for. */
  slow = false;
  /** Something of it went out. */
  sent = false;
  readonly #owner: TryOwner;
  readonly #exchange: Exchange;
  readonly #facts: Facts = {};
  #over = false;

  constructor(owner: TryOwner, exchange: Exchange) {
    this.#owner = owner;
    this.#exchange = exchange;
  }

  open(upstream: Upstream, end: boolean): void {
    const sender = upstream.open(this, end, this);
    if (!this.#over) this.sender = sender;
    this.#note(hostFacts);
  }

  /** Later tries have told of themselves meanwhile: what is told of the request is this one's. */
  tell(): void {
    Object.assign(this.info, this.#facts);
    this.#exchange.host = this.host;
  }

  #note(names: readonly (keyof Facts)[]): void {
    const facts = this.#facts as Record<keyof Facts, unknown>;
    for (const name of names) facts[name] = this.info[name];
  }

  /** Nothing more is heard of it. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.sender.cancel();
  }

  // ---- the exchange as this try sees it

  get info(): StreamInfo {
    return this.#exchange.info;
  }

  get head(): RequestHeaders {
    return this.#exchange.head;
  }

  get triedHosts(): Host[] {
    return this.#exchange.triedHosts;
  }

  get hostSelectionAttempts(): number {
    return this.#exchange.hostSelectionAttempts;
  }

  get metadataMatch(): MetadataCriteria | undefined {
    return this.#exchange.metadataMatch;
  }

  get asTcp(): boolean {
    return this.#exchange.asTcp;
  }

  get requestDone(): boolean {
    return this.#exchange.requestDone;
  }

  get bufferLimit(): number {
    return this.#exchange.bufferLimit;
  }

  get trace(): TryTrace | undefined {
    return this.#exchange.trace;
  }

  get meets(): ((host: Host) => void) | undefined {
    return this.#exchange.meets;
  }

  hash(): bigint | undefined {
    return this.#exchange.hash();
  }

  elapsedMs(): number {
    return this.#exchange.elapsedMs();
  }

  beforeRetry(retry: number, timedOut: boolean): void {
    this.#exchange.beforeRetry(retry, timedOut);
  }

  onTrySlow(): void {
    if (this.#over) return;
    this.slow = true;
    this.#owner.onTrySlow(this);
  }

  // ---- its response

  onSent(): void {
    this.sent = true;
    this.#owner.receiver.onSent();
    this.#note([...connectionFacts, ...timeFacts]);
  }

  onInterim(head: ResponseHeaders): void {
    if (!this.#over) this.#owner.onTryInterim(this, head);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    if (this.#over) return;
    if (end) this.#over = true;
    this.#owner.onTryHead(this, head, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#owner.receiver.onData(chunk, end);
    if (end) this.#owner.onTryDone();
  }

  onTrailers(trailers: HeaderMap): void {
    if (this.#over) return;
    this.#owner.receiver.onTrailers(trailers);
    this.#owner.onTryDone();
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.onTryReset(this, reason, transportFailure);
  }

  onUpstreamCongested(congested: boolean): void {
    if (!this.#over) this.#owner.receiver.onUpstreamCongested(congested);
  }
}

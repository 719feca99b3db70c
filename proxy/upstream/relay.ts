/** What a layer is by itself: passes everything on, both ways. Layers override what they care for. */
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, ResponseHeaders } from '../http/headers.ts';
import { deadSender } from './upstream.ts';

export class Relay implements RequestSender, ResponseReceiver {
  protected readonly receiver: ResponseReceiver;
  protected inner: RequestSender = deadSender;
  /** Nothing is passed on any more. */
  protected over = false;

  constructor(receiver: ResponseReceiver) {
    this.receiver = receiver;
  }

  sendData(chunk: Buffer, end: boolean): void {
    this.inner.sendData(chunk, end);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.inner.sendTrailers(trailers);
  }

  cancel(): void {
    this.over = true;
    this.inner.cancel();
  }

  pauseReading(): void {
    this.inner.pauseReading();
  }

  resumeReading(): void {
    this.inner.resumeReading();
  }

  onSent(): void {
    this.receiver.onSent();
  }

  onInterim(head: ResponseHeaders): void {
    if (!this.over) this.receiver.onInterim(head);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    if (!this.over) this.receiver.onHead(head, end);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (!this.over) this.receiver.onData(chunk, end);
  }

  onTrailers(trailers: HeaderMap): void {
    if (!this.over) this.receiver.onTrailers(trailers);
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    if (!this.over) this.receiver.onReset(reason, transportFailure);
  }

  onUpstreamCongested(congested: boolean): void {
    if (!this.over) this.receiver.onUpstreamCongested(congested);
  }
}

/** The streams of a connection that cannot send all that they have. */
import type { Http2Stream } from './stream.ts';

export class WaitingStreams {
  /** Those with something that no window has room for. */
  readonly #blocked = new Set<Http2Stream>();
  /** Those whose senders were told to stop. */
  readonly #congested = new Set<Http2Stream>();

  block(stream: Http2Stream): void {
    this.#blocked.add(stream);
  }

  unblock(stream: Http2Stream): void {
    this.#blocked.delete(stream);
  }

  noteCongested(stream: Http2Stream, congested: boolean): void {
    if (congested) this.#congested.add(stream);
    else this.#congested.delete(stream);
  }

  forget(stream: Http2Stream): void {
    this.#blocked.delete(stream);
    this.#congested.delete(stream);
  }

  /** There is room again: all send a frame in turn, as long as one can. */
  send(): void {
    for (let progress = true; progress; ) {
      progress = false;
      for (const stream of [...this.#blocked]) progress = stream.sendQueued() || progress;
    }
  }

  /** One stream's window has room again. */
  sendOf(stream: Http2Stream): void {
    while (this.#blocked.has(stream) && stream.sendQueued());
  }

  /** The transport has sent what it had. */
  onDrain(): void {
    for (const stream of [...this.#congested]) stream.noteCongestion();
  }
}

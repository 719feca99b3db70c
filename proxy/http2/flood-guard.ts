/** Counts frames that cost a peer little and us much, and ends the connection of one who sends too many. @see Envoy's Http2ProtocolOptions */
import type { Transport } from '../net/transport.ts';
import { errorCode, Http2ConnectionError } from './errors.ts';
import { frameFlag, frameType } from './frames.ts';
import type { FloodLimits } from './options.ts';
import type { Http2Stats } from './stats.ts';

export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #stats: Http2Stats;
  readonly #transport: Transport;
  /** Frames that the peer has perhaps not read yet. */
  #unread = 0;
  #unreadControl = 0;
  #emptyInARow = 0;
  #priorityFrames = 0;
  #windowUpdates = 0;
  #dataFrames = 0;

  constructor(limits: FloodLimits, stats: Http2Stats, transport: Transport) {
    this.#limits = limits;
    this.#stats = stats;
    this.#transport = transport;
  }

  /** Before what was read is handled: what was written is on its way where the kernel took it. */
  onRead(): void {
    if (this.#transport.unsent > 0) return;
    this.#unread = 0;
    this.#unreadControl = 0;
  }

  onDataFrame(): void {
    this.#dataFrames++;
    this.#unread++;
  }

  /** We send a frame that the peer has no window for. */
  onControlFrame(): void {
    this.#unread++;
    this.#unreadControl++;
  }

  /** A frame comes. @throws Http2ConnectionError */
  onFrame(type: number, flags: number, length: number, streams: number): void {
    this.#checkUnread();
    const opened = (streams + 1) >>> 1;
    if (type === frameType.PRIORITY) {
      if (++this.#priorityFrames <= this.#limits.priorityFramesPerStream * (1 + opened)) return;
      this.#stats.priorityFlood.increment();
      throw tooMany('http2.inbound_priority_frames_flood');
    }
    if (type === frameType.WINDOW_UPDATE) {
      const most = 5 + 2 * (opened + this.#limits.windowUpdatesPerDataFrame * this.#dataFrames);
      if (++this.#windowUpdates <= most) return;
      this.#stats.windowUpdateFlood.increment();
      throw tooMany('http2.inbound_window_update_frames_flood');
    }
    if (type !== frameType.DATA && type !== frameType.HEADERS && type !== frameType.CONTINUATION) return;
    const empty = length === 0 && (type === frameType.CONTINUATION || (flags & frameFlag.END_STREAM) === 0);
    if (!empty) this.#emptyInARow = 0;
    else if (++this.#emptyInARow > this.#limits.emptyFramesInARow) {
      this.#stats.emptyFramesFlood.increment();
      throw tooMany('http2.inbound_empty_frames_flood');
    }
  }

  #checkUnread(): void {
    if (this.#unreadControl > this.#limits.outboundControlFrames) {
      this.#stats.outboundControlFlood.increment();
      throw tooMany('http2.outbound_control_frames_flood');
    }
    if (this.#unread <= this.#limits.outboundFrames) return;
    this.#stats.outboundFlood.increment();
    throw tooMany('http2.outbound_frames_flood');
  }
}

function tooMany(details: string): Http2ConnectionError {
  return new Http2ConnectionError(errorCode.ENHANCE_YOUR_CALM, details);
}

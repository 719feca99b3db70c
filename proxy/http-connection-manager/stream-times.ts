/** The limits of time on a stream: on its silence, on its request, and on the whole of it. */
import { Deadline, type DeadlineQueue, type Limited } from '../deadlines.ts';
import { grpcStatus } from '../grpc/status.ts';
import { isGrpc } from '../http/grpc.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import type { ClusterAction } from '../routing/cluster-action.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import { limitDuration } from '../routing/stream-duration.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import type { ManagerStats } from './manager-stats.ts';
import type { ManagerSettings } from './settings.ts';

export interface TimedStream {
  readonly info: StreamInfo;
  readonly requestHeaders: RequestHeaders;
  readonly route: RouteEntry | undefined;
  elapsedMs(): number;
  /** Answers so, or breaks off the response that has begun. */
  timeOut(body: string, details: string, adjust?: (head: ResponseHeaders) => void): void;
}

/** What holds for all streams of a connection manager. */
export interface TimeLimits {
  readonly settings: ManagerSettings;
  readonly stats: ManagerStats;
  readonly streamIdleQueue: DeadlineQueue | undefined;
}

export class StreamTimes implements Limited {
  /** Of its silence. */
  readonly deadline: Deadline = new Deadline(this);
  readonly #stream: TimedStream;
  readonly #limits: TimeLimits;
  #idleQueue: DeadlineQueue | 'never' | undefined;
  #head: NodeJS.Timeout | undefined;
  #request: NodeJS.Timeout | undefined;
  #whole: NodeJS.Timeout | undefined;

  constructor(stream: TimedStream, limits: TimeLimits) {
    this.#stream = stream;
    this.#limits = limits;
    this.#idleQueue = limits.streamIdleQueue;
    this.touch();
    const { requestTimeoutMs, requestHeadTimeoutMs } = limits.settings;
    if (requestHeadTimeoutMs > 0) this.#head = setTimeout(() => this.#onHeadTimeout(), requestHeadTimeoutMs);
    if (requestTimeoutMs > 0) this.#request = setTimeout(() => this.#onRequestTimeout(), requestTimeoutMs);
  }

  /** Something came or went. */
  touch(): void {
    const queue = this.#idleQueue;
    if (queue === 'never') this.deadline.clear();
    else if (queue !== undefined) this.deadline.set(queue);
  }

  /** The whole request came, or what comes is none any more. */
  requestDone(): void {
    clearTimeout(this.#request);
  }

  /** The route is known, or another one than before: what it says comes before the connection manager's limits. */
  routed(head: RequestHeaders, action: ClusterAction | undefined): void {
    clearTimeout(this.#head);
    this.#idleQueue = action?.idleQueue ?? this.#limits.streamIdleQueue;
    if (action === undefined) return;
    if (action.idleQueue !== undefined) this.touch();
    const { maxStreamDurationMs } = this.#limits.settings;
    if (action.duration === undefined && maxStreamDurationMs === 0 && this.#whole === undefined) return;
    clearTimeout(this.#whole);
    const limit = limitDuration(head, action.duration, maxStreamDurationMs);
    if (limit === undefined) return;
    this.#whole = setTimeout(() => this.#onMaxDuration(), Math.max(0, limit - this.#stream.elapsedMs()));
  }

  onDeadline(): void {
    this.#limits.stats.rqIdleTimeout.increment();
    this.#stream.info.flags |= flag.STREAM_IDLE_TIMEOUT;
    this.#stream.timeOut('stream timeout', 'stream_idle_timeout');
  }

  #onHeadTimeout(): void {
    this.#limits.stats.rqHeaderTimeout.increment();
    this.#stream.timeOut('request header timeout', 'request_header_timeout');
  }

  #onRequestTimeout(): void {
    this.#limits.stats.rqTimeout.increment();
    this.#stream.timeOut('request timeout', 'request_overall_timeout');
  }

  #onMaxDuration(): void {
    const stream = this.#stream;
    this.#limits.stats.rqMaxDurationReached.increment();
    stream.timeOut('downstream duration timeout', 'max_duration_timeout', head => {
      stream.route?.adorn(head, stream.info);
      if (isGrpc(stream.requestHeaders)) head.add('grpc-status', String(grpcStatus.DEADLINE_EXCEEDED));
    });
  }

  /** The stream is over. */
  stop(): void {
    this.deadline.clear();
    clearTimeout(this.#head);
    clearTimeout(this.#request);
    clearTimeout(this.#whole);
  }
}

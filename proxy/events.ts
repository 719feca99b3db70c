/**
 * One JSON line for each finished request on the unix socket that `PROXY_EVENTS` names, for whoever draws a picture of the traffic, and one
 * whenever the configuration may have changed by itself. Traffic never waits for it: what the reader does not take is dropped, and no socket is no error.
 */
import { connect, type Socket } from 'node:net';
import { type Attempt, formatFlags, type StreamInfo } from './stream-info.ts';

/** Bytes that may wait in the socket; beyond them lines are dropped. */
const maximumWaiting = 256 * 1024;
/** How long to leave a socket alone that could not be reached. */
const retryAfterMs = 1000;
/** Text of a request that is passed on, at most. */
const maximumText = 2048;

export class EventLines {
  readonly #path: string;
  #socket: Socket | undefined;
  #notBefore = 0;
  #lines = '';
  dropped = 0;
  /** Where the requests are explained, `host:port` of the admin interface; '' where they are not. */
  explainedAt = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** A stream observer. */
  readonly observe = (info: StreamInfo): void => {
    if (this.#hasRoom()) this.#tell({ ...trafficRequest(info), explainedAt: this.explainedAt });
    else this.dropped++;
  };

  /** A control plane's update was taken, or refused. */
  readonly configurationChanged = (): void => {
    if (this.#hasRoom()) this.#tell({ changed: 'configuration' });
  };

  #hasRoom(): boolean {
    return this.#lines.length + (this.#socket?.writableLength ?? 0) <= maximumWaiting && this.#connect();
  }

  #tell(event: object): void {
    if (this.#lines === '') setImmediate(this.#flush);
    this.#lines += `${JSON.stringify(event)}\n`;
  }

  readonly #flush = (): void => {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#socket?.write(lines);
  };

  #connect(): boolean {
    if (this.#socket !== undefined) return true;
    const now = performance.now();
    if (now < this.#notBefore) return false;
    this.#notBefore = now + retryAfterMs;
    const socket = connect(this.#path);
    socket.unref();
    // Nobody listens, or no longer: the lines are lost, and a later request tries again.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.resume();
    this.#socket = socket;
    return true;
  }

  close(): void {
    this.#flush();
    this.#socket?.end();
    this.#socket = undefined;
    this.#notBefore = Number.POSITIVE_INFINITY;
  }
}

/** The writer that the environment asks for, or undefined. */
export function eventLinesFromEnvironment(environment: NodeJS.ProcessEnv): EventLines | undefined {
  const path = environment.PROXY_EVENTS;
  return path === undefined || path === '' ? undefined : new EventLines(path);
}

function trafficRequest(info: StreamInfo): object {
  const head = info.requestHeaders;
  return {
    atMs: Math.round(info.startMs),
    requestId: cut(info.requestId),
    listener: info.listenerName,
    method: cut(head?.method ?? ''),
    path: cut(info.originalPath),
    authority: cut(head?.authority ?? ''),
    status: info.responseCode,
    flags: formatFlags(info.flags),
    durationMs: rounded(info.durationMs),
    cluster: info.clusterName,
    attempts: info.attempts.slice(0, 100).map(attemptEvent),
  };
}

function attemptEvent(attempt: Attempt): object {
  return {
    host: attempt.host,
    status: attempt.status === 0 ? null : attempt.status,
    flag: formatFlags(attempt.flags),
    startMs: rounded(attempt.startMs),
    durationMs: rounded(Math.max(0, attempt.durationMs)),
  };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

function cut(text: string): string {
  return text.length > maximumText ? text.slice(0, maximumText) : text;
}

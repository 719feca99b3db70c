import { type Signal, signal } from '@preact/signals';

/** Where a connection stands. `waiting` from when it was lost until it is there again: counting down to the next try, or (null) in the middle of one. */
export type SocketStatus =
  | { phase: 'connecting' }
  | { phase: 'open' }
  | { phase: 'waiting'; retryAtMs: number | null; tries: number }
  | { phase: 'closed' };

export interface SocketOptions {
  /** Asked again for every try, since what to resume from changes. */
  path: () => string;
  onOpen?: () => void;
  onMessage: (data: string | ArrayBuffer) => void;
  /** After a connection ended or failed; `tries` failed in a row. */
  onLost?: (tries: number) => void;
}

const firstDelayMs = 500;
const longestDelayMs = 10_000;
/** A server that takes the connection and then says nothing is as good as none. */
const connectMs = 10_000;

/** How long to wait before the next try after `tries` that failed: doubled each time, with a fifth of it at random so that a class does not return at once. */
export function retryDelay(tries: number, random: number): number {
  const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** (tries - 1));
  return Math.round(delay * (0.8 + 0.2 * random));
}

/** A WebSocket that connects again when it is lost. The back-off starts anew with the first message of a connection. */
export class ReconnectingSocket {
  readonly status: Signal<SocketStatus> = signal({ phase: 'connecting' });
  readonly #options: SocketOptions;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    addEventListener('online', this.retry);
    this.#connect();
  }

  /** Sends, if the connection is open. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(data);
    return true;
  }

  /** Does not wait any longer for the next try. */
  readonly retry = (): void => {
    if (this.#socket === null && this.status.peek().phase === 'waiting') this.#connect();
  };

  /** Ends it for good. */
  close(): void {
    removeEventListener('online', this.retry);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.status.value = { phase: 'closed' };
    socket?.close();
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.status.value =
      this.#tries === 0 ? { phase: 'connecting' } : { phase: 'waiting', retryAtMs: null, tries: this.#tries };
    const url = new URL(this.#options.path(), location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.#timer = setTimeout(() => socket.close(), connectMs);
    this.#socket = socket;
    socket.onopen = () => this.#socket === socket && this.#opened();
    socket.onmessage = event => this.#socket === socket && this.#received(event.data);
    socket.onclose = () => this.#socket === socket && this.#lost();
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.status.value = { phase: 'open' };
    this.#options.onOpen?.();
  }

  #received(data: string | ArrayBuffer): void {
    this.#tries = 0;
    this.#options.onMessage(data);
  }

  #lost(): void {
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#tries += 1;
    const delay = retryDelay(this.#tries, Math.random());
    this.status.value = { phase: 'waiting', retryAtMs: Date.now() + delay, tries: this.#tries };
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#options.onLost?.(this.#tries);
  }
}

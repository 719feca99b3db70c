/** A stream to a control plane that is opened again whenever it ends. */
import type { Log } from '../log.ts';
import type { Gauge } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { BackOff } from './back-off.ts';
import type { DiscoveryCall, DiscoveryReceiver } from './transport.ts';

export interface DiscoveryStreamOwner {
  /** It can be sent to. */
  onOpened(): void;
  onResponse(bytes: Uint8Array): void;
  /** It ended, or could not be opened; it will be tried again. */
  onClosed(): void;
}

export interface DiscoveryStreamOptions {
  open(receiver: DiscoveryReceiver): DiscoveryCall;
  /** As the log names it. */
  path: string;
  /** Its statistics are below `control_plane.` in this one. */
  scope: StatsScope;
  log: Log;
  /** Undefined: Envoy's. */
  backOff?: BackOff;
}

export class DiscoveryStream {
  readonly #options: DiscoveryStreamOptions;
  readonly #owner: DiscoveryStreamOwner;
  readonly #backOff: BackOff;
  readonly #connected: Gauge;
  #call: DiscoveryCall | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failingSince: number | undefined;
  #stopped = false;

  constructor(options: DiscoveryStreamOptions, owner: DiscoveryStreamOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#backOff = options.backOff ?? new BackOff();
    const scope = options.scope.scope('control_plane.');
    this.#connected = scope.gauge('connected_state');
    // Nothing waits: requests are not limited in number.
    scope.gauge('pending_requests');
    scope.counter('rate_limit_enforced');
  }

  get isOpen(): boolean {
    return this.#call !== undefined;
  }

  start(): void {
    if (this.#stopped) return;
    let ended = false;
    const call = this.#options.open({
      onResponse: bytes => {
        if (ended || this.#stopped) return;
        this.#backOff.reset();
        this.#failingSince = undefined;
        this.#owner.onResponse(bytes);
      },
      onClosed: (status, message) => {
        if (ended) return;
        ended = true;
        this.#onClosed(status, message);
      },
    });
    if (ended) return;
    this.#call = call;
    this.#connected.set(1);
    this.#owner.onOpened();
  }

  send(bytes: Uint8Array): void {
    this.#call?.send(bytes);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#call?.close();
    this.#call = undefined;
    this.#connected.set(0);
  }

  #onClosed(status: number, message: string): void {
    if (this.#stopped) return;
    this.#call = undefined;
    this.#connected.set(0);
    this.#failingSince ??= performance.now();
    const since = Math.round((performance.now() - this.#failingSince) / 1000);
    const text = `${this.#options.path} gRPC config stream closed since ${since}s ago: ${status}, ${message}`;
    this.#options.log.warning('config', text);
    this.#owner.onClosed();
    this.#retry = setTimeout(() => this.start(), this.#backOff.next());
  }
}

/** Access logs of what is not over yet: when it begins, from time to time, and when a tunnel opens. */
import type { StreamInfo, StreamObserver } from '../stream-info.ts';

/** What is logged while its life goes on. */
export interface Unfinished {
  readonly info: StreamInfo;
  elapsedMs(): number;
}

export interface InterimLogOptions {
  atStart: boolean;
  /** 0: never. */
  intervalMs: number;
  atTunnel: boolean;
}

/** What the types of entries are called. */
export interface InterimTypes {
  start: string;
  periodic: string;
  tunnel: string;
}

/** The access logs of a filter chain, while the streams or connections that they tell of go on. */
export class InterimLogs {
  readonly #log: StreamObserver;
  readonly #options: InterimLogOptions;
  readonly #types: InterimTypes;

  constructor(log: StreamObserver, options: InterimLogOptions, types: InterimTypes) {
    this.#log = log;
    this.#options = options;
    this.#types = types;
  }

  /** @returns the timer that writes from time to time; whoever is logged clears it at its end */
  started(one: Unfinished): NodeJS.Timeout | undefined {
    if (this.#options.atStart) this.#write(one, this.#types.start);
    const { intervalMs } = this.#options;
    return intervalMs > 0 ? setInterval(() => this.#write(one, this.#types.periodic), intervalMs) : undefined;
  }

  /** Bytes of another protocol go both ways from now on. */
  tunnelOpened(one: Unfinished): void {
    if (this.#options.atTunnel) this.#write(one, this.#types.tunnel);
  }

  #write(one: Unfinished, type: string): void {
    const { info } = one;
    const typeAtEnd = info.accessLogType;
    info.accessLogType = type;
    info.durationMs = one.elapsedMs();
    this.#log(info);
    info.accessLogType = typeAtEnd;
    info.durationMs = -1;
  }
}

/** Undefined where nothing is to be logged before the end. */
export function interimLogs(
  log: StreamObserver | undefined,
  options: InterimLogOptions,
  types: InterimTypes,
): InterimLogs | undefined {
  if (log === undefined || !(options.atStart || options.atTunnel || options.intervalMs > 0)) return undefined;
  return new InterimLogs(log, options, types);
}

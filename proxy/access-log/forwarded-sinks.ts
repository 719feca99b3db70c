/** Access logs of a worker that has no files: what is to be written goes to the one that has. */
import type { LogTarget, LogTargets } from './sink.ts';

export type Forward = (path: string, text: string, lines: number) => void;

export class ForwardedSinks implements LogTargets {
  readonly #forward: Forward;
  readonly #sinks = new Map<string, ForwardedSink>();

  constructor(forward: Forward) {
    this.#forward = forward;
  }

  open(path: string): LogTarget {
    const known = this.#sinks.get(path);
    if (known !== undefined) return known;
    const sink = new ForwardedSink((text, lines) => this.#forward(path, text, lines));
    this.#sinks.set(path, sink);
    return sink;
  }

  /** Sends all that waits. */
  flush(): void {
    for (const sink of this.#sinks.values()) sink.flush();
  }
}

class ForwardedSink implements LogTarget {
  readonly #send: (text: string, lines: number) => void;
  #text = '';
  #lines = 0;

  constructor(send: (text: string, lines: number) => void) {
    this.#send = send;
  }

  write(line: string): void {
    // Soon, so that lines of all workers stand in the order of what they tell; those of one turn together.
    if (this.#lines === 0) setImmediate(() => this.flush());
    this.#text += line;
    this.#lines++;
  }

  flush(): void {
    if (this.#lines === 0) return;
    this.#send(this.#text, this.#lines);
    this.#text = '';
    this.#lines = 0;
  }
}

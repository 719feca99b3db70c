import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReplayResult } from '../protocol/messages.ts';
import { logMark } from './container.ts';

type Arrival = ReplayResult['arrivals'][number];

const mostArrivals = 1000;
const longestLine = 64 * 1024;
const mostWords = 4000;
const quietMs = 60;
const mostQuietMs = 500;

/** What the upstreams of a replay say: that they listen, then one line of JSON for each request. */
export class Upstreams {
  readonly arrivals: Arrival[] = [];
  #listening = 0;
  #rest = '';
  #heardAt = 0;
  #changed = Promise.withResolvers<void>();

  constructor(output: Readable) {
    output.setEncoding('utf8');
    output.on('error', () => {});
    output.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop()!.slice(-longestLine);
      for (const line of lines) this.#line(line);
    });
  }

  /** Resolves when `count` of them listen. */
  async listening(count: number): Promise<void> {
    while (this.#listening < count) await this.#changed.promise;
  }

  /** Resolves when the last requests had time to be noted. */
  async quiet(): Promise<void> {
    const deadline = performance.now() + mostQuietMs;
    this.#heardAt = performance.now();
    while (performance.now() < Math.min(this.#heardAt + quietMs, deadline)) await delay(quietMs / 2);
  }

  #line(line: string): void {
    if (line.includes(' listens on ')) {
      this.#listening++;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
      return;
    }
    this.#heardAt = performance.now();
    if (!line.startsWith('{') || this.arrivals.length >= mostArrivals) return;
    const { upstream, method, path, headers, atMs, status } = JSON.parse(line) as Arrival;
    this.arrivals.push({ upstream, method, path, headers, atMs, status });
  }
}

/** What a proxy logs, at the level of information, once it listens on all of its ports, and what a rate limit service says. */
const upWords = /starting main dispatch loop|^rate-limit listens on /;

/** How long a line of the access log may take. */
const logMs = 500;
const mostLogLines = 1000;

/** The end of what the proxies and the rate limit service said, and the proxies' access log. */
export class LastWords {
  /** The lines of the access log. */
  readonly log: string[] = [];
  #text = '';
  #rest = '';
  #starting: number;
  readonly #up = Promise.withResolvers<void>();

  /** @param programs how many of them there are */
  constructor(output: Readable, programs: number) {
    this.#starting = programs;
    output.setEncoding('utf8');
    output.on('error', () => {});
    output.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop()!.slice(-longestLine);
      for (const line of lines) this.#line(line);
      if (this.ended || this.#starting <= 0) this.#up.resolve();
    });
    output.once('close', () => this.#up.resolve());
  }

  #line(line: string): void {
    if (line.startsWith(logMark)) {
      if (this.log.length < mostLogLines) this.log.push(line.slice(logMark.length));
      return;
    }
    if (upWords.test(line)) this.#starting--;
    this.#text = `${this.#text}${line}\n`.slice(-mostWords);
  }

  /** The lines of the access log from that one on, once there is one, or there will be none. */
  async logFrom(start: number): Promise<string[]> {
    const deadline = performance.now() + logMs;
    while (this.log.length <= start && performance.now() < deadline) await delay(quietMs / 2);
    return this.log.slice(start);
  }

  /** Resolves when all are up, however long that takes, or one has ended. */
  up(): Promise<void> {
    return this.#up.promise;
  }

  get text(): string {
    return this.#text.trim();
  }

  /** Whether one ended by itself. */
  get ended(): boolean {
    return /^the (proxy|rate limit service) ended with \d+$/m.test(this.#text);
  }
}

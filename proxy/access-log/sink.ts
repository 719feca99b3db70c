/** Where access logs are written: files and standard streams, buffered, never holding up traffic. */
import { close, closeSync, openSync, write, writeSync } from 'node:fs';
import type { StatsScope } from '../stats/store.ts';

/** What may wait to be written; more is dropped and counted as failed. */
const bufferLimit = 1 << 20;
/** From so much on, it is written without waiting for the timer. */
const eagerSize = 64 << 10;
/** A descriptor that would block is tried again after this time. */
const retryMs = 20;
/** How long the end waits for a write that is under way. */
const endMs = 1000;

/** How long a line may wait where the command line says nothing. Much less than Envoy's 10 s, since someone may be looking for it. */
export const defaultFlushIntervalMs = 100;

/** Takes lines. */
export interface LogTarget {
  write(line: string): void;
}

/** Where lines go, by paths. @throws where one cannot be opened */
export interface LogTargets {
  open(path: string): LogTarget;
}

/** How sinks behave. */
export interface SinkOptions {
  /** How long a line may wait. */
  flushIntervalMs: number;
  /** The scope `filesystem.`. */
  stats: StatsScope;
}

/** One file that is written by everyone who logs to its path. */
export class Sink implements LogTarget {
  readonly #path: string | undefined;
  readonly #options: SinkOptions;
  #descriptor: number;
  #pending: string[] = [];
  #pendingSize = 0;
  /** Settles when the write that is under way is done. */
  #written: PromiseWithResolvers<void> | undefined;
  #draining = false;
  #timer: NodeJS.Timeout | undefined;

  /** Opens a path for appending, or takes a standard stream's descriptor. Throws when the path cannot be opened. */
  constructor(target: string | number, options: SinkOptions) {
    this.#path = typeof target === 'string' ? target : undefined;
    this.#descriptor = typeof target === 'string' ? openSync(target, 'a', 0o644) : target;
    this.#options = options;
  }

  /** Adds a line, or several as one text. Drops it when the reader lags too far behind. */
  write(text: string, lines = 1): void {
    const { stats } = this.#options;
    if (this.#pendingSize + text.length > bufferLimit) {
      stats.counter('write_failed').add(lines);
      return;
    }
    this.#pending.push(text);
    this.#pendingSize += text.length;
    stats.counter('write_buffered').add(lines);
    stats.gauge('write_total_buffered').set(this.#pendingSize);
    if (this.#pendingSize >= eagerSize) this.flush();
    else this.#timer ??= setTimeout(() => this.#flushByTimer(), this.#options.flushIntervalMs).unref();
  }

  /** Starts writing what is there. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#written !== undefined || this.#draining || this.#pending.length === 0) return;
    this.#written = Promise.withResolvers();
    this.#continue(this.#descriptor, this.#take());
  }

  /** Writes all that is left. What is under way is waited for at most `endMs`: a pipe that nobody reads takes nothing. */
  async drain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draining = true;
    const idle = await this.#idle();
    this.#draining = false;
    if (!idle) return;
    const rest = this.#take();
    try {
      for (let done = 0; done < rest.length; ) done += writeSync(this.#descriptor, rest, done);
    } catch {
      this.#options.stats.counter('write_failed').increment();
    }
  }

  /** Opens the path anew, after the file was moved away. What is under way still goes to the old file. */
  reopen(): void {
    if (this.#path === undefined) return;
    const old = this.#descriptor;
    try {
      this.#descriptor = openSync(this.#path, 'a', 0o644);
    } catch {
      this.#options.stats.counter('reopen_failed').increment();
      return;
    }
    void this.#idle().then(() => close(old, () => undefined));
  }

  /** Writes the rest and closes the file. */
  async close(): Promise<void> {
    await this.drain();
    if (this.#path !== undefined) closeSync(this.#descriptor);
  }

  /** Whether no write is under way, at the latest after `endMs`. */
  async #idle(): Promise<boolean> {
    if (this.#written === undefined) return true;
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), endMs);
    try {
      return await Promise.race([this.#written.promise.then(() => true), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #flushByTimer(): void {
    this.#timer = undefined;
    this.#options.stats.counter('flushed_by_timer').increment();
    this.flush();
  }

  #take(): Buffer {
    const bytes = Buffer.from(this.#pending.join(''), 'latin1');
    this.#pending = [];
    this.#pendingSize = 0;
    this.#options.stats.gauge('write_total_buffered').set(0);
    return bytes;
  }

  #continue(descriptor: number, bytes: Buffer): void {
    write(descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#continue(descriptor, bytes), retryMs).unref();
      else if (error) this.#finished('write_failed');
      else if (written < bytes.length) this.#continue(descriptor, bytes.subarray(written));
      else this.#finished('write_completed');
    });
  }

  #finished(counter: string): void {
    this.#written?.resolve();
    this.#written = undefined;
    this.#options.stats.counter(counter).increment();
    if (this.#pendingSize >= eagerSize) this.flush();
    else if (this.#pending.length > 0)
      this.#timer ??= setTimeout(() => this.#flushByTimer(), this.#options.flushIntervalMs).unref();
  }
}

/** All sinks of the process, one for each path. */
export class Sinks implements LogTargets {
  readonly #options: SinkOptions;
  readonly #sinks = new Map<string | number, Sink>();

  constructor(options: SinkOptions) {
    this.#options = options;
    for (const name of ['flushed_by_timer', 'reopen_failed', 'write_buffered', 'write_completed', 'write_failed']) {
      options.stats.counter(name);
    }
    options.stats.gauge('write_total_buffered');
  }

  /** The sink of a path; `/dev/stdout` and `/dev/stderr` are the process's own streams. */
  open(path: string): Sink {
    const target = path === '/dev/stdout' ? 1 : path === '/dev/stderr' ? 2 : path;
    const known = this.#sinks.get(target);
    if (known) return known;
    const sink = new Sink(target, this.#options);
    this.#sinks.set(target, sink);
    return sink;
  }

  reopenAll(): void {
    for (const sink of this.#sinks.values()) sink.reopen();
  }

  async closeAll(): Promise<void> {
    const sinks = [...this.#sinks.values()];
    this.#sinks.clear();
    await Promise.all(sinks.map(sink => sink.close()));
  }
}

/** The proxy's own log, on standard error or in a file, in Envoy's line format. */
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs';

/** From the most to the least talkative. */
export const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The names under which parts of the proxy log; `/logging` sets the level of each. */
export const loggerNames = [
  'admin',
  'config',
  'connection',
  'http',
  'main',
  'pool',
  'router',
  'runtime',
  'upstream',
] as const;
export type LoggerName = (typeof loggerNames)[number];

/** Reads a level as Envoy does, where `warn` is `warning`. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const level = text === 'warn' ? 'warning' : text;
  return logLevels.find(known => known === level);
}

/** Writes lines `[2026-01-31 12:00:00.000][PID][info][main] text`. */
export class Log {
  readonly levels = new Map<LoggerName, LogLevel>();
  readonly #path: string | undefined;
  #file: number;

  /** Logs to standard error, or to a file that is opened at once so that a bad path is told at once. */
  constructor(level: LogLevel = 'info', path?: string) {
    this.#path = path;
    this.#file = path === undefined ? 2 : openSync(path, 'a');
    this.setAll(level);
  }

  setAll(level: LogLevel): void {
    for (const name of loggerNames) this.levels.set(name, level);
  }

  /** Whether a line would be written: ask before building a costly one. */
  enabled(logger: LoggerName, level: LogLevel): boolean {
    return logLevels.indexOf(level) >= logLevels.indexOf(this.levels.get(logger) ?? 'info');
  }

  trace(logger: LoggerName, text: string): void {
    this.#write(logger, 'trace', text);
  }

  debug(logger: LoggerName, text: string): void {
    this.#write(logger, 'debug', text);
  }

  info(logger: LoggerName, text: string): void {
    this.#write(logger, 'info', text);
  }

  warning(logger: LoggerName, text: string): void {
    this.#write(logger, 'warning', text);
  }

  error(logger: LoggerName, text: string): void {
    this.#write(logger, 'error', text);
  }

  critical(logger: LoggerName, text: string): void {
    this.#write(logger, 'critical', text);
  }

  /** Opens the file anew, after it was moved away. */
  reopen(): void {
    if (this.#path === undefined) return;
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a');
  }

  #write(logger: LoggerName, level: LogLevel, text: string): void {
    if (!this.enabled(logger, level)) return;
    const line = `[${timestamp(new Date())}][${process.pid}][${level}][${logger}] ${text}\n`;
    try {
      if (this.#path === undefined) writeSync(this.#file, line);
      else appendFileSync(this.#file, line);
    } catch {
      // Nobody reads the log any more (EPIPE), or the terminal is full (EAGAIN): traffic goes on.
    }
  }
}

/** Local time, as Envoy prints it. */
function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

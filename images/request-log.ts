/** The log of a sample service: a line for each request that ended. */
import { UsageError } from './program.ts';

export interface LogEntry {
  atMs: number;
  method: string;
  path: string;
  headers: [string, string][];
  /** Of HTTP, or of gRPC; 0 of HTTP: the client left before the answer. */
  status: number;
  durationMs: number;
}

export interface LogOptions {
  /** How the service is called, where several run. */
  name: string;
  log: 'text' | 'json';
}

/** @param asked what was asked for, printable @param ended how it ended */
export function logLine(entry: LogEntry, { name, log }: LogOptions, asked: string, ended: string): string {
  if (log === 'json') return JSON.stringify({ upstream: name, ...entry });
  const time = new Date(entry.atMs).toISOString().slice(11, 23);
  return `${time} ${asked} ${ended} ${entry.durationMs} ms`;
}

/** The value of `--log`. @throws UsageError */
export function logOf(text: string): LogOptions['log'] {
  if (text === 'text' || text === 'json') return text;
  throw new UsageError(`--log ${text}: text or json is expected`);
}

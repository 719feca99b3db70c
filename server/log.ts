/**
 * The one place that logs: lines on standard error, `TIME LEVEL MESSAGE key=value…`, or each a JSON object. Standard output belongs to the start-up text and `--json`.
 *
 * Callers name what happened and to whom by id. Secrets, codes, tokens, names and what people type are never passed to it.
 */
export type LogFormat = 'text' | 'json';
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export interface Log {
  error(message: string, details?: LogDetails): void;
  warn(message: string, details?: LogDetails): void;
  info(message: string, details?: LogDetails): void;
  debug(message: string, details?: LogDetails): void;
}
export type LogDetails = Record<string, string | number | boolean | null | undefined | Error>;

/** A log that writes lines of `level` and graver ones. */
export function createLog(
  level: LogLevel,
  format: LogFormat = 'text',
  write: (line: string) => void = line => process.stderr.write(line),
): Log {
  const rank = levels.indexOf(level);
  const writer = (own: LogLevel) => (message: string, details?: LogDetails) => {
    if (levels.indexOf(own) > rank) return;
    const time = new Date().toISOString();
    write(`${format === 'json' ? asJson(time, own, message, details) : asText(time, own, message, details)}\n`);
  };
  return { error: writer('error'), warn: writer('warn'), info: writer('info'), debug: writer('debug') };
}

function asText(time: string, level: LogLevel, message: string, details?: LogDetails): string {
  return `${time} ${level.padEnd(5)} ${message}${formatDetails(details)}`;
}

/** Keys of its own go before those of the details. */
function asJson(time: string, level: LogLevel, message: string, details: LogDetails = {}): string {
  const plain = Object.entries(details).map(([key, value]) => [key, value instanceof Error ? stackOf(value) : value]);
  return JSON.stringify({ ...Object.fromEntries(plain), time, level, message });
}

function stackOf(error: Error): string {
  return error.stack ?? error.message;
}

function formatDetails(details: LogDetails = {}): string {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${quote(value instanceof Error ? stackOf(value) : String(value))}`)
    .join('');
}

/** One line each, whatever is in it. */
function quote(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}

import { UnicornError } from '../errors.ts';

/** The database cannot be asked right now. What was under way may or may not have been done. */
export class StoreUnavailable extends UnicornError {
  constructor(cause: unknown) {
    super(
      'unavailable',
      'Progress cannot be read or saved right now: the database does not answer.',
      'Terminals go on, and what you pass is saved when it is back. Try this again in a moment.',
      { cause },
    );
    this.name = 'StoreUnavailable';
  }
}

const lostCodes = new Set([
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'ENOENT',
  ],
  // administrator's shutdown, crash, starting up, too many connections, read-only standby, statement time-out
  ...['57P01', '57P02', '57P03', '53300', '25006', '57014'],
]);
const lostWords =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error)/;

/** Whether an error of `pg` says that the database is away, not that the question was wrong. */
export function isAway(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (code !== undefined && (lostCodes.has(code) || code.startsWith('08'))) || lostWords.test(message ?? '');
}

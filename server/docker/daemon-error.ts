/** Calls to a Docker daemon: each bounded in time, each failure in words. */

const awayCodes = new Set([
  ...['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

/** A call to a Docker daemon that failed. */
export class DaemonError extends Error {
  /** Of HTTP; undefined where the daemon did not answer. */
  readonly status: number | undefined;
  /** The daemon cannot be reached now: what it was asked may have been done or not. */
  readonly away: boolean;
  /** Of the system, where it refused: `EACCES`. */
  readonly code: string | undefined;

  constructor(
    message: string,
    { status, away = false, code }: { status?: number; away?: boolean; code?: string } = {},
  ) {
    super(message);
    this.name = 'DaemonError';
    this.status = status;
    this.away = away;
    this.code = code;
  }
}

/**
 * Asks the daemon something.
 *
 * @param what what is asked, for the error: "to start a container"
 * @param call passes the signal on to the library, which then ends the request when it takes too long
 * @throws DaemonError
 */
export async function within<T>(what: string, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ms);
  try {
    return await call(abort.signal);
  } catch (error) {
    if (abort.signal.aborted)
      throw new DaemonError(`the Docker daemon was asked ${what} and did not answer in ${ms / 1000} s`, { away: true });
    throw asDaemonError(error as Error);
  } finally {
    clearTimeout(timer);
  }
}

/** An error of the library as one of ours, without the library's wrapping. */
export function asDaemonError(error: Error): DaemonError {
  if (error instanceof DaemonError) return error;
  const { statusCode: status, code } = error as { statusCode?: number; code?: string };
  if (status !== undefined) return new DaemonError(plain(error.message), { status });
  if (code === undefined) return new DaemonError(error.message);
  if (!awayCodes.has(code)) return new DaemonError(error.message, { code });
  return new DaemonError(`the Docker daemon cannot be reached: ${error.message}`, { away: true, code });
}

/** `(HTTP code 404) no such container - No such image: x ` is `No such image: x`. */
const plain = (message: string): string => message.replace(/^\(HTTP code \d+\) .*? - /s, '').trim();

/** Whether a call failed since what it is about is not there, or is on its way out. */
export const isGone = (error: unknown): boolean =>
  error instanceof DaemonError && (error.status === 404 || error.status === 304 || error.status === 409);

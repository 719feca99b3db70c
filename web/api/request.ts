import type { ApiError } from '../../server/api.ts';

const timeoutMs = 30_000;

/** A request that did not go well: what and why in `message`, what to do in `remedy`. */
export class RequestFailure extends Error {
  readonly code: string;
  readonly status: number;
  readonly remedy: string | undefined;

  constructor(status: number, error: ApiError['error']) {
    super(error.message);
    this.name = 'RequestFailure';
    this.status = status;
    this.code = error.code;
    this.remedy = error.remedy;
  }
}

export const get = <T>(path: string): Promise<T> => send<T>('GET', path);
export const post = <T = void>(path: string, body?: unknown): Promise<T> => send<T>('POST', path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => send<T>('PUT', path, body);
export const remove = (path: string): Promise<void> => send<void>('DELETE', path);

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await reach(method, path, body);
  const text = await response.text();
  if (!response.ok) throw new RequestFailure(response.status, failureOf(response, text));
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function reach(method: string, path: string, body: unknown): Promise<Response> {
  const init: RequestInit = { method, credentials: 'same-origin', signal: AbortSignal.timeout(timeoutMs) };
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path, init);
  } catch (cause) {
    throw unreachable(cause);
  }
}

function unreachable(cause: unknown): RequestFailure {
  const late = cause instanceof DOMException && cause.name === 'TimeoutError';
  return new RequestFailure(0, {
    code: late ? 'timed-out' : 'unreachable',
    message: late ? `The server did not answer within ${timeoutMs / 1000} s.` : 'The server cannot be reached.',
    remedy: 'Is it still running, and is this machine on its network? Then try again.',
  });
}

function failureOf(response: Response, text: string): ApiError['error'] {
  try {
    const body = JSON.parse(text) as Partial<ApiError>;
    if (typeof body.error?.message === 'string') return body.error;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  return {
    code: 'unexpected',
    message: `The server answered ${response.status} without saying why.`,
    remedy: 'Try again; if it stays, look at what the server printed.',
  };
}

/** Any thrown value as a failure that can be shown. */
export function asFailure(cause: unknown): RequestFailure {
  if (cause instanceof RequestFailure) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RequestFailure(0, { code: 'page', message, remedy: 'Reload the page; nothing is lost by that.' });
}

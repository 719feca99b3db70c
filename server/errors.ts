import type { ApiError } from './api.ts';

/** What can go wrong on someone's request, and the HTTP status that tells it. */
export const errorStatus = {
  invalid: 400,
  'invalid-name': 400,
  'not-signed-in': 401,
  'wrong-code': 403,
  'wrong-secret': 403,
  'wrong-origin': 403,
  forbidden: 403,
  'not-found': 404,
  'wrong-method': 405,
  'name-taken': 409,
  busy: 409,
  changed: 409,
  'no-sandbox': 409,
  'too-large': 413,
  'wrong-type': 415,
  'wrong-host': 421,
  'too-many-tries': 429,
  internal: 500,
  unavailable: 503,
  'no-capacity': 503,
  'timed-out': 504,
} as const;
export type ErrorCode = keyof typeof errorStatus;

/** An error that is told to whoever asked: its code is for programs, its message and remedy are for people. */
export class UnicornError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string | undefined;
  constructor(code: ErrorCode, message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnicornError';
    this.code = code;
    this.remedy = remedy;
  }

  get status(): number {
    return errorStatus[this.code];
  }
}

/** The body of the answer that tells this error. */
export function errorBody(error: UnicornError): ApiError {
  const { code, message, remedy } = error;
  return { error: remedy === undefined ? { code, message } : { code, message, remedy } };
}

/** What keeps the program from starting: said in words at the terminal, without a stack. */
export class StartError extends Error {
  readonly remedy: string | undefined;
  readonly exitCode: number;
  constructor(message: string, remedy?: string, exitCode = 1) {
    super(message);
    this.name = 'StartError';
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** Someone else listens there. */
export function portTaken(port: number): StartError {
  return new StartError(
    `Port ${port} is taken: another program listens on it, perhaps another Unicorn.`,
    `Stop that program, or take another port: npm start -- --port ${port === 65535 ? port - 1 : port + 1}`,
  );
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

import type { AgentFailure, AgentFailureCode } from './protocol/messages.ts';

/** A failure that the server is told as it is. */
export class Failure extends Error {
  readonly code: AgentFailureCode;
  constructor(code: AgentFailureCode, message: string) {
    super(message);
    this.name = 'Failure';
    this.code = code;
  }
}

/** What to tell the server about any error. */
export function failureOf(error: unknown): AgentFailure {
  if (error instanceof Failure) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

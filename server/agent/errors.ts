import type { AgentFailure, AgentFailureCode } from '../../images/agent/protocol/messages.ts';

/** What an agent could not do, with the protocol's code; `disconnected` where the connection to it was lost or was never good. */
export class AgentError extends Error {
  readonly code: AgentFailureCode | 'disconnected';
  constructor(code: AgentError['code'], message: string) {
    super(message);
    this.name = 'AgentError';
    this.code = code;
  }
}

const codes: ReadonlySet<string> = new Set([
  'not-found',
  'invalid',
  'too-large',
  'timed-out',
  'refused',
  'cancelled',
  'busy',
  'unsupported',
  'internal',
] satisfies AgentFailureCode[]);

/** An agent's failure as an error; what it says is not trusted to have the right form. */
export function agentError({ code, message }: AgentFailure): AgentError {
  return new AgentError(codes.has(code) ? code : 'internal', String(message).slice(0, 2000));
}

import type { MethodName, Methods } from '../../images/agent/protocol/messages.ts';

/** What checks and steps need of an agent's client. */
export interface Agent {
  call<M extends MethodName>(
    method: M,
    params: Methods[M]['params'],
    options?: { signal?: AbortSignal },
  ): Promise<Methods[M]['result']>;
}

/** The code of a failure that the agent answered, if this is one. */
export function failureCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return String(error.code);
}

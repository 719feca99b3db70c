import type { MethodName, Methods } from '../../images/agent/protocol/messages.ts';
import type { Agent } from './agent.ts';

/** For tests: answers what the test says, and remembers what it was asked. */
export class FakeAgent implements Agent {
  readonly asked: { method: MethodName; params: unknown }[] = [];
  readonly #answers: { [M in MethodName]?: (params: Methods[M]['params']) => Methods[M]['result'] };

  constructor(answers: { [M in MethodName]?: (params: Methods[M]['params']) => Methods[M]['result'] }) {
    this.#answers = answers;
  }

  async call<M extends MethodName>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    this.asked.push({ method, params });
    const answer = this.#answers[method];
    if (!answer) throw new FakeFailure('unsupported', `${method} was not expected`);
    return answer(params);
  }
}

export class FakeFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

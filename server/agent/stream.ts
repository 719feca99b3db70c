import { maximumBody } from '../../images/agent/protocol/frames.ts';
import type { AgentFailure } from '../../images/agent/protocol/messages.ts';
import type { MuxStream, StreamHandlers } from '../../images/agent/protocol/mux.ts';
import { AgentError, agentError } from './errors.ts';

/**
 * An open stream of an agent. Iterate over it for its messages (Buffers, one for each data frame): an agent is let send more only as they are
 * taken. Ends when the agent ends it, throws an `AgentError` when it failed. Leaving the loop gives the stream up.
 */
export class AgentStream implements AsyncIterable<Buffer> {
  /** To be given to `Mux.open`. */
  readonly handlers: StreamHandlers = {
    data: body => this.#arrived(body),
    end: () => this.#finished(undefined),
    failed: failure => this.#failed(failure),
    credit: () => this.#flush(),
  };
  #stream: MuxStream | undefined;
  #messages: Buffer[] = [];
  #over: { error: AgentError | undefined } | undefined;
  #wake: (() => void) | undefined;
  #writes: { message: Buffer; done: () => void; failed: (error: AgentError) => void }[] = [];
  #unsent = 0;

  /** Called once by the client. */
  attach(stream: MuxStream): void {
    this.#stream = stream;
  }

  /** Bytes that were written and that the agent has not let us send yet. */
  get waiting(): number {
    return this.#unsent;
  }

  /** Sends one message; resolves when it is on its way, so that whoever waits for that never queues more than one. */
  write(message: Buffer): Promise<void> {
    if (message.length === 0 || message.length > maximumBody)
      throw new RangeError(`a message of ${message.length} bytes`);
    if (this.#over) return this.#over.error ? Promise.reject(this.#over.error) : Promise.resolve();
    this.#unsent += message.length;
    return new Promise((done, failed) => {
      this.#writes.push({ message, done, failed });
      this.#flush();
    });
  }

  /** Says that no more will be written; the agent then ends the stream. */
  end(): void {
    this.#stream?.endData();
  }

  /** Gives the stream up at once. */
  cancel(): void {
    this.#stream?.fail({ code: 'cancelled', message: 'the caller gave up' });
    this.#finished(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        const message = this.#messages.shift();
        if (message) {
          yield message;
          this.#stream?.grant(message.length);
        } else if (this.#over) {
          if (this.#over.error) throw this.#over.error;
          return;
        } else await new Promise<void>(resolve => (this.#wake = resolve));
      }
    } finally {
      if (!this.#over) this.cancel();
    }
  }

  #arrived(body: Buffer): void {
    this.#messages.push(body);
    this.#signal();
  }

  #failed(failure: AgentFailure): void {
    const lost = this.#stream?.connected === false;
    this.#finished(lost ? new AgentError('disconnected', failure.message) : agentError(failure));
  }

  #finished(error: AgentError | undefined): void {
    if (this.#over) return;
    this.#over = { error };
    for (const { done, failed } of this.#writes.splice(0)) error ? failed(error) : done();
    this.#unsent = 0;
    this.#signal();
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #flush(): void {
    const stream = this.#stream;
    while (stream?.open && this.#writes.length > 0) {
      const { message, done } = this.#writes[0]!;
      // The window is never larger than at the beginning, so what is larger than that goes in parts.
      if (message.length > stream.credit) return;
      stream.send(message);
      this.#unsent -= message.length;
      this.#writes.shift();
      done();
    }
  }
}

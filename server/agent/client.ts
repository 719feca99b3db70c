import type { Duplex } from 'node:stream';
import type { AgentEvent, MethodName, Methods, OpenRequest } from '../../images/agent/protocol/messages.ts';
import { Mux } from '../../images/agent/protocol/mux.ts';
import { AgentError, agentError } from './errors.ts';
import { AgentStream } from './stream.ts';

export interface AgentClientOptions {
  /** How long the agent may take to greet. */
  greetingTimeoutMs?: number;
  /** How often it is asked whether it is there; silence of three times that closes the connection. */
  pingMs?: number;
}

/**
 * The server's side of a connection to a sandbox's agent: calls, streams and events over any byte stream. It does not connect again by itself: when
 * `closed` resolves, every call and stream has failed with `disconnected` or `cancelled`, and the caller opens a new byte stream.
 */
export class AgentClient {
  /** Resolves when the connection is over, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
  readonly #mux: Mux;
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  readonly #pingMs: number;
  #sandbox = '';
  #pinging: NodeJS.Timeout | undefined;
  #reason: Error | undefined;

  /** Greets the agent on `stream` and waits for its greeting. @throws AgentError `disconnected` */
  static async connect(stream: Duplex, options: AgentClientOptions = {}): Promise<AgentClient> {
    const greeted = Promise.withResolvers<void>();
    const client = new AgentClient(stream, options, greeted.resolve);
    const timer = setTimeout(
      () => client.close(new Error('the agent did not greet in time')),
      options.greetingTimeoutMs ?? 10_000,
    );
    const lost = client.closed.then(() => {
      throw new AgentError('disconnected', client.#reason?.message ?? 'the agent hung up before it greeted');
    });
    try {
      await Promise.race([greeted.promise, lost]);
      lost.catch(() => {});
      return client;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(stream: Duplex, { pingMs = 10_000 }: AgentClientOptions, greeted: () => void) {
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#pingMs = pingMs;
    this.#mux = new Mux(stream, 'server', {
      hello: hello => {
        this.#sandbox = String(hello.sandbox ?? '');
        greeted();
      },
      event: event => this.#tell(event),
      closed: reason => {
        this.#reason = reason;
        clearInterval(this.#pinging);
        closed.resolve();
      },
    });
    this.#mux.greet();
    this.#pinging = setInterval(() => this.#ping(), pingMs);
  }

  /** The sandbox that the agent says it is of. */
  get sandbox(): string {
    return this.#sandbox;
  }

  get isClosed(): boolean {
    return this.#mux.closed;
  }

  /**
   * Asks for one thing and waits for the answer. The agent's methods have time limits of their own; `signal` gives up before.
   * @throws AgentError
   */
  async call<M extends MethodName>(
    method: M,
    params: Methods[M]['params'],
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<Methods[M]['result']> {
    if (signal?.aborted) throw new AgentError('cancelled', 'the caller gave up');
    const answer = Promise.withResolvers<Methods[M]['result']>();
    const stream = this.#open({ method, params } as OpenRequest, {
      data: body => stream.grant(body.length),
      end: body => {
        try {
          answer.resolve(JSON.parse(body.toString()));
        } catch {
          answer.reject(new AgentError('internal', `the agent's answer to ${method} is not JSON`));
        }
      },
      failed: failure => answer.reject(this.#mux.closed ? this.#lost() : agentError(failure)),
      credit: () => {},
    });
    const abort = (): void => {
      stream.fail({ code: 'cancelled', message: 'the caller gave up' });
      answer.reject(new AgentError('cancelled', 'the caller gave up'));
    };
    signal?.addEventListener('abort', abort, { once: true });
    return await answer.promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  /** Opens a stream. A failure shows when it is read. */
  open<M extends MethodName>(method: M, params: Methods[M]['params']): AgentStream {
    const stream = new AgentStream();
    stream.attach(this.#open({ method, params } as OpenRequest, stream.handlers));
    return stream;
  }

  /** Calls `listener` with every event until the returned function is called. */
  onEvent(listener: (event: AgentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hangs up. The sandbox lives on. */
  close(reason?: Error): void {
    this.#mux.close(reason);
  }

  #open(request: OpenRequest, handlers: AgentStream['handlers']): ReturnType<Mux['open']> {
    if (this.#mux.closed) throw this.#lost();
    try {
      return this.#mux.open(request, handlers);
    } catch (error) {
      throw new AgentError('too-large', (error as Error).message);
    }
  }

  #lost(): AgentError {
    return new AgentError('disconnected', this.#reason?.message ?? 'the connection to the sandbox was closed');
  }

  #tell(event: AgentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #ping(): void {
    if (performance.now() - this.#mux.heardAt > this.#pingMs * 3)
      this.close(new Error('the sandbox does not answer any more'));
    else this.#mux.ping();
  }
}

import { type Duplex, duplexPair } from 'node:stream';
import type { MethodName, Methods } from '../../images/agent/protocol/messages.ts';
import { Mux, type MuxStream } from '../../images/agent/protocol/mux.ts';
import type {
  Provider,
  ProviderReport,
  Sandbox,
  SandboxRequest,
  TellProgress,
} from '../../server/providers/provider.ts';

type Answer = (params: never) => unknown;

/** A sandbox without anything in it: an agent that speaks the real protocol and answers what it was told. */
export class FakeSandbox implements Sandbox {
  readonly id: string;
  readonly home: string;
  readonly calls: MethodName[] = [];
  readonly files = new Map<string, { content: string; modifiedMs: number }>();
  readonly #answers = new Map<string, Answer>();
  readonly #connections = new Set<Mux>();
  ended = false;
  /** Why it cannot be reached now. */
  away: Error | null = null;
  /** How often it was tried to reach it while it was away. */
  triesWhileAway = 0;
  why: string | undefined;

  constructor({ id, home }: Pick<SandboxRequest, 'id' | 'home'>) {
    this.id = id;
    this.home = home;
    this.answer('terminal.list', () => ({ terminals: [] }));
    this.answer('reset', () => ({ kept: [] }));
    this.answer('port.list', () => ({ ports: [] }));
    this.answer('process.list', () => ({ processes: [] }));
    this.answer('file.read', ({ path }) => this.files.get(path) ?? fail('not-found', `there is no ${path}`));
    this.answer('file.write', ({ path, content }) => {
      const modifiedMs = (this.files.get(path)?.modifiedMs ?? 1000) + 1;
      this.files.set(path, { content, modifiedMs });
      return { modifiedMs };
    });
  }

  answer<M extends MethodName>(
    method: M,
    answer: (params: Methods[M]['params']) => Methods[M]['result'] | Promise<Methods[M]['result']>,
  ): void {
    this.#answers.set(method, answer as Answer);
  }

  /** Cuts every connection, as a lost network does. */
  hangUp(): void {
    for (const mux of this.#connections) mux.close();
  }

  /** Tells the server that something changed. */
  change(): void {
    for (const mux of this.#connections) mux.event({ type: 'changed', subject: 'files', paths: [] });
  }

  async connect(): Promise<Duplex> {
    if (this.away) {
      this.triesWhileAway++;
      throw this.away;
    }
    if (this.ended) throw new Error('the sandbox has ended');
    const [ours, theirs] = duplexPair();
    const mux: Mux = new Mux(ours, 'agent', {
      hello: () => mux.greet(this.id),
      opened: (stream, request) => this.#open(stream, request.method, request.params as never),
      closed: () => this.#connections.delete(mux),
    });
    this.#connections.add(mux);
    return theirs;
  }

  async fate(): Promise<string | undefined> {
    return this.why;
  }

  async end(): Promise<void> {
    this.ended = true;
    this.hangUp();
  }

  #open(stream: MuxStream, method: MethodName, params: never) {
    this.calls.push(method);
    // A terminal answers with what it is sent.
    if (method === 'terminal.open') return echo(stream);
    const answer = this.#answers.get(method) ?? (() => fail('unsupported', `${method} is not played here`));
    Promise.resolve()
      .then(() => answer(params))
      .then(
        result => stream.finish(result),
        error => stream.fail({ code: (error as Failure).code ?? 'internal', message: (error as Error).message }),
      );
    return echo(stream);
  }
}

class Failure extends Error {
  code: 'not-found' | 'unsupported' = 'unsupported';
}

function fail(code: Failure['code'], message: string): never {
  throw Object.assign(new Failure(message), { code });
}

function echo(stream: MuxStream) {
  return {
    data: (body: Buffer) => {
      stream.grant(body.length);
      stream.send(body);
    },
    end: () => stream.finish({}),
    failed: () => {},
    credit: () => {},
  };
}

/** Makes such sandboxes; they outlive a server as real ones do. */
export class FakeProvider implements Provider {
  readonly name = 'local';
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly removedHomes: string[] = [];
  maximum = 100;
  /** When set, the next sandboxes cannot be made. */
  failure: Error | null = null;
  /** What is told while one is made. */
  steps: Parameters<TellProgress>[] = [['Making the sandbox']];

  async probe(): Promise<ProviderReport> {
    return { provider: 'local', usable: true, maximumSandboxes: this.maximum, findings: [] };
  }

  async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    for (const step of this.steps) progress(...step);
    if (this.failure) throw this.failure;
    const sandbox = new FakeSandbox(request);
    this.sandboxes.set(request.id, sandbox);
    return sandbox;
  }

  async find(): Promise<Sandbox[]> {
    return this.living();
  }

  async sweep(): Promise<void> {}

  async removeHome(home: string): Promise<void> {
    this.removedHomes.push(home);
  }

  living(): FakeSandbox[] {
    return [...this.sandboxes.values()].filter(({ ended }) => !ended);
  }
}

/** A learner without a browser: joins, acts and watches by the API that the pages use. */
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import type { LearnerEvent, LearnerState } from '../../server/api.ts';
import { Browser } from '../api/harness.ts';
import { Terminal } from './terminal.ts';

export class Learner {
  readonly #browser: Browser;
  readonly #events: WebSocket;
  readonly #waiting = new Set<() => void>();
  readonly #terminals: Terminal[] = [];
  #state: LearnerState | null = null;

  /** Joins at the address that `npm start` printed. */
  static async join(url: string, name: string): Promise<Learner> {
    const { origin, hash } = new URL(url);
    const browser = new Browser(origin);
    const { status, text } = await browser.post('/api/join', { code: hash.slice('#code='.length), name });
    if (status !== 200) throw new Error(`joining: ${status} ${text}`);
    const learner = new Learner(browser);
    await once(learner.#events, 'open');
    return learner;
  }

  private constructor(browser: Browser) {
    this.#browser = browser;
    this.#events = browser.socket('/api/events');
    this.#events.on('message', data => {
      this.#apply(JSON.parse(data.toString()) as LearnerEvent);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** The same learner in the same browser, on a page that was opened anew. */
  async again(): Promise<Learner> {
    const learner = new Learner(this.#browser);
    await once(learner.#events, 'open');
    return learner;
  }

  /** What the page shows. @throws before the first event */
  get state(): LearnerState {
    if (!this.#state) throw new Error('no state came yet');
    return this.#state;
  }

  /** A POST that has to go well. */
  async post(path: string, body?: unknown): Promise<void> {
    const { status, text } = await this.#browser.post(path, body);
    if (status >= 400) throw new Error(`POST ${path}: ${status} ${text}`);
  }

  async putFile(path: string, content: string): Promise<void> {
    const target = `/api/files?path=${encodeURIComponent(path)}`;
    const { status, text } = await this.#browser.send('PUT', target, { content, modifiedMs: null });
    if (status >= 400) throw new Error(`PUT ${path}: ${status} ${text}`);
  }

  /** Waits until the state is as the test wants it; `what` is told when it does not get there. */
  async until(what: string, milliseconds: number, test: (state: LearnerState) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#state?.sandbox.phase === 'failed') reject(new Error(`the sandbox: ${this.#state.sandbox.message}`));
      if (this.#state && test(this.#state)) resolve();
    };
    const timer = setTimeout(
      () => reject(new Error(`${what}: not in ${milliseconds} ms; ${this.#told()}`)),
      milliseconds,
    );
    this.#waiting.add(look);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  #told(): string {
    return JSON.stringify(this.#state).slice(0, 3000);
  }

  /** Opens a terminal, which makes it if it is not there. */
  async terminal(name: string): Promise<Terminal> {
    const terminal = await Terminal.open(this.#browser.socket(`/api/terminals/${name}?columns=100&rows=30`));
    this.#terminals.push(terminal);
    return terminal;
  }

  close(): void {
    for (const terminal of this.#terminals) terminal.close();
    this.#events.close();
  }

  #apply(event: LearnerEvent): void {
    if (event.type === 'state') this.#state = event.state;
    const state = this.#state;
    if (!state) return;
    if (event.type === 'sandbox') state.sandbox = event.sandbox;
    if (event.type === 'terminals') state.terminals = event.terminals;
    if (event.type === 'exercise') state.exercises[event.exercise.id] = event.exercise;
    if (event.type === 'action') state.action = event.action;
  }
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { ApiError, InstructorEvent, LearnerEvent, LearnerState } from '../../server/api.ts';
import { type Running, serve } from '../../server/serve.ts';
import { defaultSettings, type Settings } from '../../server/settings.ts';
import { atEnd } from './at-end.ts';
import { FakeProvider } from './fake-provider.ts';

/** A server in this process, over real sockets, with sandboxes that are played. */
export interface TestServer {
  running: Running;
  provider: FakeProvider;
  origin: string;
  code: string;
  secret: string;
  settings: Settings;
}

/** Starts a server that ends with the test. `waitsMs`: before what failed is tried again. */
export async function startServer(
  context: TestContext,
  settings: Partial<Settings> = {},
  provider: FakeProvider = new FakeProvider(),
  waitsMs?: readonly number[],
): Promise<TestServer> {
  const data = settings.data ?? (await temporaryFolder(context));
  const all: Settings = { ...defaultSettings({}), port: 0, mode: 'class', logLevel: 'error', ...settings, data };
  const running = await serve(all, async () => provider, undefined, waitsMs);
  atEnd(context, () => running.close(false));
  const learner = new URL(running.learnerUrl);
  return {
    running,
    provider,
    settings: all,
    // A public address is one that this machine does not have.
    origin: all.publicUrl ? `http://127.0.0.1:${running.port}` : learner.origin,
    code: learner.hash.slice('#code='.length),
    secret: new URL(running.instructorUrl).hash.slice('#secret='.length),
  };
}

export async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ua-'));
  atEnd(context, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

/** A browser as far as the API sees one: keeps its cookies, says its origin. */
export class Browser {
  readonly origin: string;
  readonly #cookies: Map<string, string>;

  constructor(origin: string, cookies = new Map<string, string>()) {
    this.origin = origin;
    this.#cookies = cookies;
  }

  /** The same browser at another server of the class. */
  at(origin: string): Browser {
    return new Browser(origin, this.#cookies);
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.send('GET', path);
  }

  post<T>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.send('POST', path, body, headers);
  }

  async send<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.origin + path, {
      method,
      headers: {
        origin: this.origin,
        cookie: this.cookie,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (json ? JSON.parse(text) : undefined) as T,
    };
  }

  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }

  /** A WebSocket as this browser opens one. */
  socket(path: string, headers: Record<string, string> = {}): WebSocket {
    return new WebSocket(this.origin.replace('http', 'ws') + path, {
      headers: { origin: this.origin, cookie: this.cookie, ...headers },
    });
  }

  events(context: TestContext): Promise<EventLog<LearnerEvent>> {
    return EventLog.open(context, this.socket('/api/events'));
  }

  instructorEvents(context: TestContext): Promise<EventLog<InstructorEvent>> {
    return EventLog.open(context, this.socket('/api/instructor/events'));
  }
}

/** The events of a socket, to be waited for. */
export class EventLog<E extends { type: string }> {
  readonly seen: E[] = [];
  readonly socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  static async open<E extends { type: string }>(context: TestContext, socket: WebSocket): Promise<EventLog<E>> {
    const log = new EventLog<E>(socket);
    atEnd(context, () => socket.terminate());
    await once(socket, 'open');
    return log;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', data => {
      this.seen.push(JSON.parse(data.toString()) as E);
      for (const look of [...this.#waiting]) look();
    });
  }

  /** The first event, seen already or to come, for which `test` holds. */
  async until<T extends E['type']>(
    type: T,
    test: (event: Extract<E, { type: T }>) => boolean = () => true,
    milliseconds = 30_000,
  ): Promise<Extract<E, { type: T }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<E, { type: T }>>();
    const look = () => {
      const found = this.seen.find(event => event.type === type && test(event as Extract<E, { type: T }>));
      if (found) resolve(found as Extract<E, { type: T }>);
    };
    const timer = setTimeout(
      () => reject(new Error(`no such ${type}: ${JSON.stringify(this.seen).slice(-2000)}`)),
      milliseconds,
    );
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  forget(): void {
    this.seen.length = 0;
  }
}

/** A browser in which this learner has joined. */
export async function joined({ origin, code }: TestServer, name: string): Promise<Browser> {
  const browser = new Browser(origin);
  const { status, text } = await browser.post('/api/join', { code, name });
  assert.equal(status, 200, text);
  return browser;
}

/** A browser in which the instructor is signed in. */
export async function instructor({ origin, secret }: TestServer): Promise<Browser> {
  const browser = new Browser(origin);
  const { status, text } = await browser.post('/api/sign-in', { secret });
  assert.equal(status, 200, text);
  return browser;
}

/** A learner with a ready sandbox. */
export async function ready(context: TestContext, server: TestServer, name: string) {
  const browser = await joined(server, name);
  const events = await browser.events(context);
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  const { state } = await events.until('state');
  const sandbox = server.provider.living().find(({ home }) => home === state.id);
  assert.ok(sandbox);
  return { browser, events, sandbox, id: state.id };
}

/** What the server holds of this learner now. */
export async function stateOf(context: TestContext, browser: Browser): Promise<LearnerState> {
  const events = await browser.events(context);
  const { state } = await events.until('state');
  events.socket.close();
  return state;
}

/** Holds an answer to be a refusal in the API's form. */
export function assertRefused(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  const { error } = answer.body as ApiError;
  assert.equal(error.code, code);
  assert.ok(error.message.length > 5, 'a message for people');
  assert.doesNotMatch(answer.text, /node_modules|\.ts:|at \w+ \(/, 'nothing of the inside');
}

/** How a refused WebSocket was answered. */
export async function refusalOf(socket: WebSocket): Promise<{ status: number; code: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; code: string }>();
  socket.on('error', () => {});
  socket.on('open', () => reject(new Error('it was let in')));
  socket.on('unexpected-response', (request, response) => {
    let text = '';
    response.on('data', chunk => {
      text += chunk;
    });
    response.on('end', () => {
      request.destroy();
      resolve({ status: response.statusCode ?? 0, code: (JSON.parse(text) as ApiError).error.code });
    });
  });
  return promise;
}

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';
import type { ClassState, InstructorEvent, LearnerEvent, LearnerState, Me, Trace } from '../../server/api.ts';
import { lessonPage, outline, slideDeck } from '../../server/labs/pages.ts';
import { loadWorkshop } from '../../server/labs/workshop.ts';
import { emptyClass, newLearner, someExplanation } from './fake-states.ts';

const top = resolve(import.meta.dirname, '../..');
const dist = join(top, 'web/dist');
const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.svg': 'image/svg+xml',
};

/** Read once: it is the same for all fakes. */
let content: ReturnType<typeof loadWorkshop> | undefined;

/** What a page may ask of the fake: an answer, or a status of 400 and more with an error. */
export type Answer = { status: number; body?: unknown };

/**
 * A server that holds the pages in whatever state a test wants, for pictures of states that are hard to reach with a real one. It has the real
 * content and no sandbox.
 */
export class FakeServer {
  readonly me: Me = {
    role: 'learner',
    name: 'Ada',
    workshopTitle: 'Microservice’ing like a unicorn',
    alone: false,
    byCode: true,
    startsAtMs: null,
    organisation: null,
  };
  learner: LearnerState = newLearner();
  class: ClassState = emptyClass();
  /** Answers that come before the fake's own, by "METHOD /path". */
  readonly answers = new Map<string, Answer | ((body: unknown) => Answer)>();
  /** Requests that are never answered, as "METHOD /path". */
  readonly held = new Set<string>();
  /** What every terminal shows. */
  screen = '';
  /** What every terminal's shell ended with, if it did. */
  exitStatus: number | null = null;
  /** What the collector in the sandbox has; null: none runs. */
  traces: Trace[] | null = null;
  /** Requests that came, as "METHOD /path". */
  readonly log: string[] = [];
  readonly typed: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #open: { path: string; socket: WebSocket }[] = [];
  /** Refuse WebSockets from now on. */
  refusing = false;
  #workshop!: Awaited<ReturnType<typeof loadWorkshop>>;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      if (this.refusing) return void socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, opened => this.#opened(request.url ?? '', opened));
    });
  }

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    content ??= loadWorkshop(process.env.UNICORN_TEST_LABS ?? join(top, 'labs'));
    fake.#workshop = await content;
    await new Promise<void>(done => fake.#server.listen(0, '127.0.0.1', done));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends an event to the learner's pages. */
  emit(event: LearnerEvent): void {
    this.#send('/api/events', event);
  }

  /** Sends an event to the instructor's pages. */
  emitClass(event: InstructorEvent): void {
    this.#send('/api/instructor/events', event);
  }

  /** Ends the WebSockets, and takes no new ones until `refusing` is false again. */
  cut(): void {
    this.refusing = true;
    for (const { socket } of this.#open) socket.terminate();
  }

  /** Sends every terminal output, and right after it a snapshot. */
  outrun(old: string, text: string): void {
    const output = Buffer.alloc(9);
    output[0] = terminalMessage.output;
    for (const { path, socket } of this.#open) {
      if (!path.startsWith('/api/terminals/')) continue;
      socket.send(Buffer.concat([output, Buffer.from(old)]));
      socket.send(snapshot(text, 80, 24));
    }
  }

  /** Resolves when what was typed ends so. */
  async wasTyped(end: string): Promise<void> {
    const signal = AbortSignal.timeout(15_000);
    while (!this.typed.join('').endsWith(end)) {
      await new Promise<void>((typed, late) => {
        this.#waiting.add(typed);
        signal.onabort = () => late(new Error(`typed was only ${JSON.stringify(this.typed.join(''))}`));
      });
    }
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise(done => this.#server.close(done));
  }

  #send(path: string, event: unknown): void {
    for (const one of this.#open) if (one.path === path) one.socket.send(JSON.stringify(event));
  }

  #opened(url: string, socket: WebSocket): void {
    const { pathname: path, searchParams } = new URL(url, this.url);
    const entry = { path, socket };
    this.#open.push(entry);
    socket.on('close', () => this.#open.splice(this.#open.indexOf(entry), 1));
    if (path === '/api/events') socket.send(JSON.stringify({ type: 'state', state: this.learner }));
    if (path === '/api/check') socket.send('{"type":"works"}');
    if (path === '/api/instructor/events') socket.send(JSON.stringify({ type: 'class', class: this.class }));
    if (!path.startsWith('/api/terminals/')) return;
    socket.send(snapshot(this.screen, Number(searchParams.get('columns')), Number(searchParams.get('rows'))));
    if (this.exitStatus !== null) socket.send(exit(this.exitStatus));
    socket.on('message', data => this.#typed(socket, data as Buffer));
  }

  #typed(socket: WebSocket, data: Buffer): void {
    if (data[0] === terminalMessage.input) this.typed.push(data.subarray(1).toString());
    if (data[0] === terminalMessage.resize) socket.send(data);
    for (const typed of this.#waiting) typed();
    this.#waiting.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (!path.startsWith('/api/')) return sendFile(path, response);
    const key = `${request.method} ${path}`;
    this.log.push(key);
    if (this.held.has(key)) return;
    const body = await bodyOf(request);
    const given = this.answers.get(key);
    const answer = (typeof given === 'function' ? given(body) : given) ?? this.#own(key, path);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  #own(key: string, path: string): Answer {
    if (key === 'GET /api/me' || key === 'POST /api/join' || key === 'POST /api/sign-in')
      return { status: 200, body: this.me };
    if (key === 'GET /api/workshop') return { status: 200, body: outline(this.#workshop) };
    if (key === 'GET /api/slides') return { status: 200, body: slideDeck(this.#workshop) };
    if (key === 'POST /api/resume-link') return { status: 200, body: { url: `${this.url}/#key=k` } };
    const id = /^GET \/api\/lessons\/(.+)$/.exec(key)?.[1];
    const page = id === undefined ? undefined : lessonPage(this.#workshop, decodeURIComponent(id));
    if (page !== undefined) return { status: 200, body: page };
    if (/^GET \/api\/requests\/[^/]+\/explanation$/.test(key)) return { status: 200, body: someExplanation() };
    if (key === 'GET /api/traces') return { status: 200, body: { traces: this.traces } };
    if (path === '/api/files') return { status: 200, body: { path: 'proxy.yaml', content: fileText, modifiedMs: 1 } };
    return key.startsWith('GET')
      ? { status: 404, body: { error: { code: 'not-found', message: 'There is nothing here.' } } }
      : { status: 204 };
  }
}

const fileText =
  'static_resources:\n  listeners:\n    - name: web # where clients come in\n      address:\n        socket_address: { address: 0.0.0.0, port_value: 15001 }\n';

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString());
}

function sendFile(path: string, response: ServerResponse): void {
  const file = join(dist, path);
  const found = file.startsWith(dist) && existsSync(file) && statSync(file).isFile() ? file : join(dist, 'index.html');
  response.writeHead(200, { 'content-type': types[extname(found)] ?? 'application/octet-stream' });
  createReadStream(found).pipe(response);
}

function exit(status: number): Buffer {
  const message = Buffer.alloc(5);
  message[0] = terminalMessage.exit;
  message.writeInt32BE(status, 1);
  return message;
}

function snapshot(text: string, columns: number, rows: number): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(13);
  head[0] = terminalMessage.snapshot;
  head.writeDoubleBE(bytes.length, 1);
  head.writeUInt16BE(columns, 9);
  head.writeUInt16BE(rows, 11);
  return Buffer.concat([head, bytes]);
}

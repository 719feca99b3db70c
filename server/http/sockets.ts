import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { InstructorEvent, LearnerEvent } from '../api.ts';
import { errorBody, UnicornError } from '../errors.ts';
import { requireOwnHost, toUnicornError, wrongOrigin } from './app.ts';
import { type HttpContext, requireInstructor, requireLearner } from './context.ts';
import { keepAlive } from './keep-alive.ts';

/** The largest message of a page: input is cut into pieces by the page, pings are small. */
const maximumMessage = 64 * 1024;
/** A page that reads slower than this is closed; it comes back and gets the whole state. */
const maximumBacklog = 2 * 1024 * 1024;
const goodbyeMs = 300;
/** Of one learner, events and terminals together. */
const mostSockets = 64;

/** The WebSockets: events for learners and instructors, terminals. Each is authorized before it is upgraded. */
export class Sockets {
  readonly #context: HttpContext;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: maximumMessage, perMessageDeflate: false });
  readonly #stopKeepAlive: () => void;
  readonly #socketsOf = new Map<string, number>();

  constructor(context: HttpContext, http: Server) {
    this.#context = context;
    this.#stopKeepAlive = keepAlive(this.#server.clients);
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      this.#upgrade(request, socket, head).catch(error => this.#refuse(socket, toUnicornError(error), error));
    });
  }

  /** Closes all of them; pages come back by themselves. Who does not say goodbye soon is cut off. */
  async close(): Promise<void> {
    this.#stopKeepAlive();
    const gone = [...this.#server.clients].map(client => new Promise(resolve => client.once('close', resolve)));
    for (const client of this.#server.clients) client.close(1001, 'the server ends');
    const timer = setTimeout(() => this.#cutOff(), goodbyeMs);
    await Promise.all(gone);
    clearTimeout(timer);
    this.#server.close();
  }

  #cutOff(): void {
    for (const client of this.#server.clients) client.terminate();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { policy } = this.#context;
    const { host = '', origin } = request.headers;
    requireOwnHost(policy, host);
    if (origin === undefined || !policy.allowsOrigin(origin, host)) throw wrongOrigin();
    const attach = await this.#authorize(request);
    this.#server.handleUpgrade(request, socket, head, client => {
      client.on('error', error => this.#context.log.debug('a socket failed', { error: error.message }));
      attach(client);
    });
  }

  /** Finds out what the socket is for, and whether whoever asks may have it. */
  async #authorize(request: IncomingMessage): Promise<(client: WebSocket) => void> {
    const url = URL.parse(request.url ?? '', 'http://unicorn');
    const path = url?.pathname ?? '';
    const { cookie } = request.headers;
    if (path === '/api/instructor/events') {
      await requireInstructor(this.#context, cookie);
      return client => this.#instructorEvents(client);
    }
    if (path === '/api/events') {
      const session = await requireLearner(this.#context, cookie);
      return this.#counted(session.id, client => this.#learnerEvents(client, session.id));
    }
    const [, terminal] = /^\/api\/terminals\/([^/]+)$/.exec(path) ?? [];
    if (url && terminal !== undefined) {
      const session = await requireLearner(this.#context, cookie);
      const view = await session.terminalView(decode(terminal), url.searchParams);
      return this.#counted(session.id, view);
    }
    throw new UnicornError('not-found', 'There is no WebSocket at this address.');
  }

  /** Bounds how many sockets one learner holds. */
  #counted(learner: string, attach: (client: WebSocket) => void): (client: WebSocket) => void {
    if ((this.#socketsOf.get(learner) ?? 0) >= mostSockets) {
      throw new UnicornError('busy', 'You have this workshop open too many times.', 'Close some of its tabs.');
    }
    const count = (change: number) => this.#socketsOf.set(learner, (this.#socketsOf.get(learner) ?? 0) + change);
    return client => {
      count(1);
      client.once('close', () => count(-1));
      attach(client);
    };
  }

  #learnerEvents(client: WebSocket, learner: string): void {
    const session = this.#context.classroom.session(learner);
    if (!session) {
      client.close(4401, 'signed out');
      return;
    }
    const leave = session.subscribe((event: LearnerEvent) => {
      send(client, event);
      if (event.type === 'signed-out') client.close(4401, 'signed out');
    });
    client.on('close', leave);
    client.on('message', (data, binary) => answerPing(client, data, binary));
  }

  #instructorEvents(client: WebSocket): void {
    const leave = this.#context.classroom.subscribe((event: InstructorEvent) => send(client, event));
    client.on('close', leave);
    client.on('message', (data, binary) => answerPing(client, data, binary));
  }

  #refuse(socket: Duplex, error: UnicornError, thrown: unknown): void {
    if (error.code === 'internal') this.#context.log.error('a socket could not be opened', { error: thrown as Error });
    const body = JSON.stringify(errorBody(error));
    socket.end(
      `HTTP/1.1 ${error.status} ${error.code}\r\ncontent-type: application/json; charset=utf-8\r\ncache-control: no-store\r\n` +
        `x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/** A part of a path; what is no text is no name either. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UnicornError('invalid', 'The address cannot be read.');
  }
}

/** A page says `{"type":"ping"}` and nothing else. */
function answerPing(client: WebSocket, data: RawData, binary: boolean): void {
  if (!binary && data.toString() === '{"type":"ping"}') return;
  client.close(1008, 'only {"type":"ping"} is understood here');
}

function send(client: WebSocket, event: LearnerEvent | InstructorEvent): void {
  if (client.readyState !== client.OPEN) return;
  if (client.bufferedAmount > maximumBacklog) client.close(1013, 'too slow; come back for the whole state');
  else client.send(JSON.stringify(event));
}

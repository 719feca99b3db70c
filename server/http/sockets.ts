import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { InstructorEvent, LearnerEvent } from '../api.ts';
import { errorBody, UnicornError } from '../errors.ts';
import type { SocketKind } from '../operations/server-metrics.ts';
import { forwardUpgrade } from '../replicas/forward.ts';
import type { PeerConnection } from '../replicas/replicas.ts';
import { requireOwnHost, toUnicornError, wrongOrigin } from './app.ts';
import { requireOwned } from './at-owner.ts';
import { type HttpContext, requireInstructor, requireLearner } from './context.ts';
import { keepAlive } from './keep-alive.ts';

/** The largest message of a page: input is cut into pieces by the page, pings are small. */
const maximumMessage = 64 * 1024;
/** A page that reads slower than this is closed; it comes back and gets the whole state. */
const maximumBacklog = 2 * 1024 * 1024;
const goodbyeMs = 300;
/** Of one learner, events and terminals together. */
const mostSockets = 64;

/** A socket is for this server, or is sent on to another. */
type Attachment = { here: (client: WebSocket) => void; kind: SocketKind } | { peer: PeerConnection };

/** The WebSockets: events for learners and instructors, terminals. Each is authorized before it is upgraded. */
export class Sockets {
  readonly #context: HttpContext;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: maximumMessage, perMessageDeflate: false });
  readonly #stopKeepAlive: () => void;
  readonly #socketsOf = new Map<string, Set<WebSocket>>();
  /** Those that were sent on to another server. */
  readonly #forwarded = new Set<Duplex>();

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
    for (const socket of this.#forwarded) socket.destroy();
    this.#server.close();
  }

  /** Closes a learner's sockets; their pages come back, to wherever the session lives then. */
  leave(learner: string): void {
    for (const client of this.#socketsOf.get(learner) ?? []) client.close(1012, 'the session lives elsewhere now');
  }

  #cutOff(): void {
    for (const client of this.#server.clients) client.terminate();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { policy, replicas, log, metrics } = this.#context;
    if (!replicas.isForwarded(request)) {
      const { host = '', origin } = request.headers;
      requireOwnHost(policy, host);
      if (origin === undefined || !policy.allowsOrigin(origin, host)) throw wrongOrigin();
    }
    const attach = await this.#authorize(request);
    if ('peer' in attach) return this.#sendOn(attach.peer, request, socket, head);
    this.#server.handleUpgrade(request, socket, head, client => {
      client.on('error', error => log.debug('a socket failed', { error: error.message }));
      client.once('close', metrics.socketOpened(attach.kind));
      attach.here(client);
    });
  }

  #sendOn(peer: PeerConnection, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#forwarded.add(socket);
    socket.once('close', () => this.#forwarded.delete(socket));
    forwardUpgrade(peer, request, socket, head);
  }

  /** Finds out what the socket is for, and whether whoever asks may have it; then where the session is. */
  async #authorize(request: IncomingMessage): Promise<Attachment> {
    const url = URL.parse(request.url ?? '', 'http://unicorn');
    const path = url?.pathname ?? '';
    const { cookie } = request.headers;
    if (path === '/api/check') return { here: greet, kind: 'check' };
    if (path === '/api/instructor/events') {
      await requireInstructor(this.#context, cookie);
      return { here: client => this.#instructorEvents(client), kind: 'instructor' };
    }
    const [, terminal] = /^\/api\/terminals\/([^/]+)$/.exec(path) ?? [];
    if (!url || (path !== '/api/events' && terminal === undefined))
      throw new UnicornError('not-found', 'There is no WebSocket at this address.');
    const { id } = await requireLearner(this.#context, cookie);
    const peer = await this.#elsewhere(request, id);
    if (peer) return { peer };
    if (terminal === undefined) {
      return { here: this.#counted(id, client => this.#learnerEvents(client, id)), kind: 'events' };
    }
    const session = await requireLearner(this.#context, cookie);
    const view = await session.terminalView(decode(terminal), url.searchParams);
    return { here: this.#counted(id, view), kind: 'terminal' };
  }

  async #elsewhere(request: IncomingMessage, learner: string): Promise<PeerConnection | null> {
    const { replicas } = this.#context;
    if (!replicas.isForwarded(request)) return replicas.reach(learner);
    await requireOwned(this.#context, learner);
    return null;
  }

  /** Bounds how many sockets one learner holds. */
  #counted(learner: string, attach: (client: WebSocket) => void): (client: WebSocket) => void {
    const sockets = this.#socketsOf.get(learner) ?? new Set();
    if (sockets.size >= mostSockets) {
      throw new UnicornError('busy', 'You have this workshop open too many times.', 'Close some of its tabs.');
    }
    this.#socketsOf.set(learner, sockets);
    return client => {
      sockets.add(client);
      client.once('close', () => sockets.delete(client));
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

/** For the page that tries a browser: that a socket opens is all there is to find out, so that nobody need be signed in. */
function greet(client: WebSocket): void {
  client.send('{"type":"works"}');
  client.close(1000);
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

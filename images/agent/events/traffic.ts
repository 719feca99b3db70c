/** The socket on which the learner's proxy reports finished requests, and changes of its configuration. Anything in the world may write there: lines are taken for what they are, or not at all. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { TrafficRequest } from '../protocol/messages.ts';

const longestLine = 16 * 1024;
const mostConnections = 32;
const mostAttempts = 20;
const batchMs = 100;
export const mostInBatch = 50;

const text = (value: unknown, most: number): string => (typeof value === 'string' ? value.slice(0, most) : '');
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const status = (value: unknown): number => Math.min(Math.max(Math.trunc(number(value)), 0), 999);

function attempt(value: unknown): TrafficRequest['attempts'][number] {
  const from = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    host: text(from.host, 128),
    status: from.status === null || from.status === undefined ? null : status(from.status),
    flag: text(from.flag, 16),
    startMs: number(from.startMs),
    durationMs: number(from.durationMs),
  };
}

/** A request as a line tells it, every field of its type and of bounded size; undefined for what is no such line. */
export function parseTraffic(line: string): TrafficRequest | undefined {
  let from: Record<string, unknown>;
  try {
    from = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof from !== 'object' || from === null || typeof from.method !== 'string') return undefined;
  return {
    atMs: number(from.atMs),
    requestId: text(from.requestId, 64),
    listener: text(from.listener, 128),
    method: text(from.method, 32),
    path: text(from.path, 512),
    authority: text(from.authority, 256),
    status: status(from.status),
    flags: text(from.flags, 64) || '-',
    durationMs: number(from.durationMs),
    cluster: text(from.cluster, 128),
    explainedAt: text(from.explainedAt, 64),
    attempts: Array.isArray(from.attempts) ? from.attempts.slice(0, mostAttempts).map(attempt) : [],
  };
}

/** Whether a line tells that the proxy took or refused something of a control plane, which it may do long after files or programs changed. */
export const tellsOfChange = (line: string): boolean => line === '{"changed":"configuration"}';

/** Gathers reports into batches of bounded size; what is more is counted. */
export class TrafficBatch {
  readonly #send: (requests: TrafficRequest[], dropped: number) => void;
  #requests: TrafficRequest[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (requests: TrafficRequest[], dropped: number) => void) {
    this.#send = send;
  }

  /** Takes a line. Those beyond a batch are not even parsed. */
  add(line: string): void {
    const request = this.#requests.length < mostInBatch ? parseTraffic(line) : undefined;
    if (request) this.#requests.push(request);
    else if (this.#requests.length >= mostInBatch) this.#dropped++;
    else return;
    this.#timer ??= setTimeout(() => this.#flush(), batchMs);
  }

  #flush(): void {
    this.#timer = undefined;
    const requests = this.#requests;
    const dropped = this.#dropped;
    this.#requests = [];
    this.#dropped = 0;
    this.#send(requests, dropped);
  }
}

/** Listens on the socket at `path`. */
export function listenForTraffic(path: string, line: (line: string) => void): Promise<Server> {
  rmSync(path, { force: true });
  const server = createServer(socket => readLines(socket, line));
  server.maxConnections = mostConnections;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o666);
      resolve(server);
    });
  });
}

function readLines(socket: Socket, line: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const one of lines) line(one);
    if (rest.length > longestLine) socket.destroy();
  });
}

/** Requests at a steady rate, each of whose answers is checked. By plain sockets: a whole HTTP client would be slower than what it measures. */
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { answerOf } from './answer.ts';
import { services } from './upstreams.ts';

/** What is known of the configuration that a proxy should have. */
export interface Versions {
  /** The newest that was published. */
  newest(): number;
  /** The oldest that a request that is sent now may meet. */
  oldest(): number;
}

interface Request {
  path: string;
  answer: string;
  bytes: string;
  oldest: number;
  at: number;
}

const connections = 64;
/** One that has no answer by then is lost. */
const patienceMs = 10_000;
const tickMs = 5;
/** Requests that wait for a connection: beyond them, the rate is not kept. */
const mostWaiting = 10_000;
/** One in so many has a body. */
const postEvery = 5;
const tooSlow = 'no answer in time';

export class Load {
  sent = 0;
  answered = 0;
  /** What an answer was that it should not have been, and how often. */
  readonly wrong = new Map<string, number>();
  /** Why there was none, and how often. */
  readonly lost = new Map<string, number>();
  /** In milliseconds. */
  readonly latencies: number[] = [];
  readonly #port: number;
  readonly #versions: Versions;
  readonly #idle: Connection[];
  readonly #all: Connection[];
  #waiting = 0;
  #serial = 0;
  #dropped = 0;
  #closedLoop = false;

  constructor(port: number, versions: Versions) {
    this.#port = port;
    this.#versions = versions;
    this.#all = Array.from({ length: connections }, () => new Connection(this.#port, this));
    this.#idle = [...this.#all];
  }

  /** Sends as fast as answers come. @returns answers a second */
  async most(ms: number): Promise<number> {
    this.#closedLoop = true;
    const started = performance.now();
    while (this.#idle.length > 0) this.#next();
    await wait(ms);
    this.#closedLoop = false;
    const rate = (this.answered / (performance.now() - started)) * 1000;
    await this.#settled();
    return rate;
  }

  /** @param rate requests a second */
  async steady(rate: number, ms: number, signal?: AbortSignal): Promise<void> {
    const started = performance.now();
    let due = 0;
    for (let elapsed = 0; elapsed < ms && !signal?.aborted; elapsed = performance.now() - started) {
      const now = Math.floor((elapsed / 1000) * rate);
      this.#waiting += now - due;
      due = now;
      if (this.#waiting > mostWaiting) {
        this.#dropped += this.#waiting - mostWaiting;
        this.#waiting = mostWaiting;
      }
      while (this.#waiting > 0 && this.#idle.length > 0) this.#nextWaiting();
      for (const connection of this.#all) connection.giveUp(performance.now() - patienceMs);
      await wait(tickMs);
    }
    this.#waiting = 0;
    await this.#settled();
  }

  /** Requests that the rate asked for and that were not sent, since no connection was free. */
  get dropped(): number {
    return this.#dropped;
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  /** An answer came; undefined where it is none, with the reason. */
  onDone(connection: Connection, request: Request, problem: string | undefined, isWrong: boolean): void {
    this.answered++;
    if (problem !== undefined) count(isWrong ? this.wrong : this.lost, problem);
    this.latencies.push(performance.now() - request.at);
    this.#idle.push(connection);
    if (this.#closedLoop) this.#next();
    else if (this.#waiting > 0) this.#nextWaiting();
  }

  newestVersion(): number {
    return this.#versions.newest();
  }

  #nextWaiting(): void {
    this.#waiting--;
    this.#next();
  }

  #next(): void {
    const serial = this.#serial++;
    const service = services[serial % services.length]!;
    const path = `/${service}/${serial}`;
    const body = serial % postEvery === 0 ? `body of ${serial}` : '';
    const [method, length] = body === '' ? ['GET', ''] : ['POST', `content-length: ${body.length}\r\n`];
    this.sent++;
    this.#idle.pop()!.send({
      path,
      answer: answerOf(service, method, path, body),
      bytes: `${method} ${path} HTTP/1.1\r\nhost: soak\r\n${length}\r\n${body}`,
      oldest: this.#versions.oldest(),
      at: performance.now(),
    });
  }

  /** All that is under way has an answer, or is lost. */
  async #settled(): Promise<void> {
    while (this.#idle.length < this.#all.length) {
      await wait(tickMs);
      for (const connection of this.#all) connection.giveUp(performance.now() - patienceMs);
    }
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** One request at a time. */
class Connection {
  readonly #port: number;
  readonly #load: Load;
  #socket: Socket | undefined;
  #request: Request | undefined;
  #text = '';

  constructor(port: number, load: Load) {
    this.#port = port;
    this.#load = load;
  }

  send(request: Request): void {
    this.#request = request;
    this.#text = '';
    this.#socket ??= this.#open();
    this.#socket.write(request.bytes, 'latin1');
  }

  /** What was sent before that is lost. */
  giveUp(sentBefore: number): void {
    if (this.#request !== undefined && this.#request.at < sentBefore) this.#break(tooSlow);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay().setEncoding('latin1');
    socket.on('data', (text: string) => {
      if (socket === this.#socket) this.#onText(text);
    });
    let reason = 'the connection closed';
    socket.on('error', error => {
      reason = error.message;
    });
    socket.on('close', () => {
      if (socket === this.#socket) this.#break(reason);
    });
    return socket;
  }

  #break(reason: string): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    if (this.#request !== undefined) this.#done(reason, false);
  }

  #onText(text: string): void {
    if (this.#request === undefined) {
      // Nobody asked.
      this.#break('bytes that nobody asked for');
      return;
    }
    this.#text += text;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#text.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#text.length < end + 4 + length) return;
    this.#judge(this.#request, head, this.#text.slice(end + 4));
  }

  #judge({ answer, oldest }: Request, head: string, body: string): void {
    const status = head.slice(9, 12);
    const version = Number(/\r\nx-version: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (status !== '200') this.#done(`${status} ${body.slice(0, 200)}`, false);
    else if (body !== answer) this.#done('the answer to another request', true);
    else if (!(version >= oldest)) this.#done('by routes that were replaced long ago', true);
    else if (version > this.#load.newestVersion()) this.#done('by routes that are not there', true);
    else this.#done(undefined, false);
  }

  #done(problem: string | undefined, isWrong: boolean): void {
    const request = this.#request!;
    this.#request = undefined;
    this.#load.onDone(this, request, problem, isWrong);
  }
}

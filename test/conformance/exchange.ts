/** One HTTP/1 exchange on a raw socket: what was sent is exact to the byte, what came back is kept as it came. */
import { connect, type Socket } from 'node:net';

export interface Answer {
  /** Status line and headers in their order, as they came; empty when nothing came. */
  head: string[];
  /** The status lines of answers before it. */
  interim?: string[];
  body: string;
  /** How the body ended: by its length, by the last chunk, by the close, or there was none. */
  framing: 'length' | 'chunked' | 'close' | 'none' | 'cut' | 'nothing';
  /** Whether the peer then closed the connection. */
  closed: boolean;
}

/** How long an answer may take, and how long a close after it is waited for, in milliseconds. */
const limits = { answer: 3000, close: 600 };

/** An ordinary connection to this machine. */
export const plainSocket = (port: number, host = '127.0.0.1'): Socket => connect({ port, host, noDelay: true });

/** Sends bytes and reads one answer (two, where the first is informational: the last one counts). */
export async function exchange(
  port: number,
  bytes: string,
  watchClose = false,
  patienceMs = limits.answer,
  open = plainSocket,
): Promise<Answer> {
  const socket = open(port);
  const reader = new Reader(socket, patienceMs);
  try {
    socket.write(Buffer.from(bytes, 'latin1'));
    const answer = await readAnswer(reader, bytes.startsWith('HEAD '));
    if (watchClose || answer.framing === 'nothing') answer.closed = await reader.closes(limits.close);
    return answer;
  } finally {
    socket.destroy();
  }
}

async function readAnswer(reader: Reader, isHead: boolean): Promise<Answer> {
  const head = await reader.until('\r\n\r\n');
  if (head === null) return { head: [], body: reader.rest(), framing: 'nothing', closed: reader.closed };
  const lines = head.split('\r\n');
  if (/^HTTP\/1\.1 1\d\d/.test(lines[0] ?? '') && !/ 101 /.test(lines[0] ?? '')) {
    const answer = await readAnswer(reader, isHead);
    return { ...answer, interim: [lines[0]!, ...(answer.interim ?? [])] };
  }
  return { head: lines, ...(await readBody(reader, lines, isHead)), closed: false };
}

async function readBody(reader: Reader, lines: string[], isHead: boolean): Promise<Pick<Answer, 'body' | 'framing'>> {
  const value = (name: string) =>
    lines
      .find(line => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const status = Number(lines[0]?.split(' ')[1]);
  if (isHead || status === 204 || status === 304) return { body: '', framing: 'none' };
  if (value('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(reader);
  const length = value('content-length');
  if (length === undefined) return { body: await reader.untilClose(), framing: 'close' };
  const body = await reader.exactly(Number(length));
  return body === null ? { body: reader.rest(), framing: 'cut' } : { body, framing: 'length' };
}

async function readChunks(reader: Reader): Promise<Pick<Answer, 'body' | 'framing'>> {
  let body = '';
  for (;;) {
    const size = await reader.until('\r\n');
    const length = Number.parseInt(size ?? '', 16);
    if (size === null || Number.isNaN(length)) return { body, framing: 'cut' };
    const chunk = await reader.exactly(length + 2);
    if (chunk === null) return { body, framing: 'cut' };
    if (length === 0 && chunk === '\r\n') return { body, framing: 'chunked' };
    if (length === 0) return { body: `${body}|${chunk}${await reader.until('\r\n\r\n')}`, framing: 'chunked' };
    body += chunk.slice(0, -2);
  }
}

/** Reads a socket in pieces; null when it ended, or stayed silent for too long. */
class Reader {
  closed = false;
  #bytes = '';
  #wake: () => void = () => {};
  readonly #until: number;

  constructor(socket: Socket, patienceMs: number) {
    this.#until = Date.now() + patienceMs;
    socket.on('data', chunk => {
      this.#bytes += chunk.toString('latin1');
      this.#wake();
    });
    const end = () => {
      this.closed = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  rest(): string {
    return this.#bytes;
  }

  async until(mark: string): Promise<string | null> {
    while (!this.#bytes.includes(mark)) if (!(await this.#more())) return null;
    const at = this.#bytes.indexOf(mark);
    const found = this.#bytes.slice(0, at);
    this.#bytes = this.#bytes.slice(at + mark.length);
    return found;
  }

  async exactly(length: number): Promise<string | null> {
    while (this.#bytes.length < length) if (!(await this.#more())) return null;
    const found = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.slice(length);
    return found;
  }

  async untilClose(): Promise<string> {
    while (await this.#more());
    return this.#bytes;
  }

  /** Whether the connection is closed within that time. */
  async closes(milliseconds: number): Promise<boolean> {
    const until = Date.now() + milliseconds;
    while (!this.closed && Date.now() < until) await this.#event(until);
    return this.closed;
  }

  async #more(): Promise<boolean> {
    if (this.closed || Date.now() >= this.#until) return false;
    const before = this.#bytes.length;
    await this.#event(this.#until);
    return this.#bytes.length > before || !this.closed;
  }

  #event(until: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.max(0, until - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

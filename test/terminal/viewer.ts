/** A viewer of a terminal as a page is one: takes messages, draws them, acknowledges what it has drawn. */
import xterm from '@xterm/headless';
import { WebSocket } from 'ws';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';
import type { AgentClient } from '../../server/agent/client.ts';

export interface ViewerOptions {
  columns?: number;
  rows?: number;
  resumeFrom?: number | undefined;
  /** Acknowledges nothing: a page that hangs. */
  silent?: boolean;
  /** Keeps no picture, for tests with much output. */
  blind?: boolean;
}

type Transport = { send(message: Buffer): void; close(): void };

const patienceMs = 20_000;

export class TestViewer {
  readonly screen: InstanceType<typeof xterm.Terminal>;
  /** All output that was received, with what came before a snapshot left out. */
  chunks: Buffer[] = [];
  /** The offset after the last byte received. */
  offset = 0;
  snapshots = 0;
  exits: number[] = [];
  sizes: string[] = [];
  atPrompt = false;
  closed: Promise<{ code: number }>;
  readonly #options: ViewerOptions;
  readonly #settle: (closed: { code: number }) => void;
  #transport: Transport | undefined;
  #waiters = new Set<() => void>();

  private constructor(options: ViewerOptions) {
    this.#options = options;
    const { columns = 80, rows = 24 } = options;
    this.screen = new xterm.Terminal({
      cols: Math.min(columns, 500) || 80,
      rows: Math.min(rows, 200) || 24,
      scrollback: 1000,
      allowProposedApi: true,
    });
    const { promise, resolve } = Promise.withResolvers<{ code: number }>();
    this.closed = promise;
    this.#settle = resolve;
    this.offset = options.resumeFrom ?? 0;
  }

  /** On an agent's stream. */
  static attach(agent: AgentClient, terminal: string, options: ViewerOptions = {}): TestViewer {
    const viewer = new TestViewer(options);
    const { columns = 80, rows = 24, resumeFrom } = options;
    const stream = agent.open('terminal.open', {
      terminal,
      columns,
      rows,
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
    });
    viewer.#transport = { send: message => void stream.write(message), close: () => stream.end() };
    const read = async (): Promise<void> => {
      for await (const message of stream) viewer.#received(message);
    };
    read().then(
      () => viewer.#settle({ code: 0 }),
      () => viewer.#settle({ code: 1 }),
    );
    return viewer;
  }

  /** On a WebSocket of a server that relays. */
  static async open(url: string, options: ViewerOptions = {}): Promise<TestViewer> {
    const viewer = new TestViewer(options);
    const { columns = 80, rows = 24, resumeFrom } = options;
    const query = new URLSearchParams({ columns: String(columns), rows: String(rows) });
    if (resumeFrom !== undefined) query.set('resumeFrom', String(resumeFrom));
    const socket = new WebSocket(`${url}${url.includes('?') ? '' : '?'}${query}`);
    socket.binaryType = 'nodebuffer';
    viewer.#transport = { send: message => socket.send(message), close: () => socket.close() };
    socket.on('message', data => viewer.#received(data as Buffer));
    socket.on('close', code => viewer.#settle({ code }));
    socket.on('error', () => {});
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return viewer;
  }

  type(text: string | Buffer): void {
    this.#send(terminalMessage.input, Buffer.from(text as string));
  }

  resize(columns: number, rows: number): void {
    const body = Buffer.alloc(4);
    body.writeUInt16BE(columns, 0);
    body.writeUInt16BE(rows, 2);
    this.#send(terminalMessage.resize, body);
  }

  /** Says that all output so far is on the screen. */
  acknowledge(): void {
    const body = Buffer.alloc(8);
    body.writeDoubleBE(this.offset, 0);
    this.#send(terminalMessage.ack, body);
  }

  raw(message: Buffer): void {
    this.#transport!.send(message);
  }

  leave(): void {
    this.#transport!.close();
  }

  get output(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Resolves when `check` is true; it is asked after each message. */
  until(check: () => boolean, what: string): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(look);
        reject(
          new Error(
            `never: ${what}; the end of the output is ${JSON.stringify(this.output.subarray(-300).toString())}`,
          ),
        );
      }, patienceMs);
      const look = (): void => {
        if (!check()) return;
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
    });
  }

  /** Resolves when the output has `text`. */
  async sees(text: string): Promise<void> {
    await this.until(() => this.output.includes(text), `output with ${JSON.stringify(text)}`);
  }

  /** The screen with its scroll-back, when all that was received is drawn. */
  async picture(): Promise<{ lines: string[]; cursor: [number, number]; alternate: boolean }> {
    await new Promise<void>(resolve => this.screen.write('', resolve));
    const { active } = this.screen.buffer;
    const lines = Array.from({ length: active.length }, (_, at) => active.getLine(at)!.translateToString(true));
    return { lines, cursor: [active.cursorX, active.cursorY], alternate: active.type === 'alternate' };
  }

  #send(type: number, body: Buffer): void {
    this.#transport!.send(Buffer.concat([Buffer.from([type]), body]));
  }

  #received(message: Buffer): void {
    if (message[0] === terminalMessage.output) this.#output(message.readDoubleBE(1), message.subarray(9));
    else if (message[0] === terminalMessage.snapshot) this.#snapshot(message);
    else if (message[0] === terminalMessage.resize) {
      this.sizes.push(`${message.readUInt16BE(1)}x${message.readUInt16BE(3)}`);
      this.screen.resize(message.readUInt16BE(1), message.readUInt16BE(3));
    } else if (message[0] === terminalMessage.prompt) this.atPrompt = message[1] === 1;
    else if (message[0] === terminalMessage.exit) this.exits.push(message.readInt32BE(1));
    for (const look of [...this.#waiters]) look();
  }

  #output(offset: number, bytes: Buffer): void {
    if (offset !== this.offset) throw new Error(`output at ${offset} after ${this.offset}`);
    this.offset += bytes.length;
    this.chunks.push(bytes);
    if (!this.#options.blind) this.screen.write(bytes);
    if (!this.#options.silent) this.acknowledge();
  }

  #snapshot(message: Buffer): void {
    this.snapshots++;
    this.offset = message.readDoubleBE(1);
    this.chunks = [];
    this.screen.reset();
    this.screen.resize(message.readUInt16BE(9), message.readUInt16BE(11));
    this.screen.write(message.subarray(13));
    if (!this.#options.silent) this.acknowledge();
  }
}

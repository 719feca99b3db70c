/** The page's end of a terminal's WebSocket. */
import { once } from 'node:events';
import type { WebSocket } from 'ws';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';

export class Terminal {
  readonly #socket: WebSocket;
  readonly #listeners = new Set<(bytes: Buffer, type: number) => void>();
  /** Whether the shell waits at its prompt. */
  atPrompt = false;
  /** Bytes of output that came. */
  received = 0;

  static async open(socket: WebSocket): Promise<Terminal> {
    const terminal = new Terminal(socket);
    await once(socket, 'open');
    return terminal;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', data => this.#take(data as Buffer));
  }

  #take(message: Buffer): void {
    const type = message[0] ?? -1;
    if (type === terminalMessage.prompt) this.atPrompt = message[1] === 1;
    const bytes = message.subarray(type === terminalMessage.snapshot ? 13 : 9);
    if (type === terminalMessage.output) {
      this.received += bytes.length;
      this.#acknowledge(message.readDoubleBE(1) + bytes.length);
    }
    for (const listener of [...this.#listeners]) listener(bytes, type);
  }

  #acknowledge(offset: number): void {
    const ack = Buffer.alloc(9);
    ack[0] = terminalMessage.ack;
    ack.writeDoubleBE(offset, 1);
    this.#socket.send(ack);
  }

  type(text: string): void {
    this.#socket.send(Buffer.concat([Buffer.from([terminalMessage.input]), Buffer.from(text)]));
  }

  /** Resolves when a message comes for which the test holds. */
  until(what: string, milliseconds: number, test: (bytes: Buffer, type: number) => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = (bytes: Buffer, type: number) => {
      if (test(bytes, type)) resolve();
    };
    const timer = setTimeout(() => reject(new Error(`${what}: not in ${milliseconds} ms`)), milliseconds);
    this.#listeners.add(listener);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    });
  }

  /** Resolves when the shell waits at its prompt. */
  async prompt(milliseconds: number): Promise<void> {
    if (!this.atPrompt) await this.until('a prompt', milliseconds, () => this.atPrompt);
  }

  close(): void {
    this.#socket.close();
  }
}

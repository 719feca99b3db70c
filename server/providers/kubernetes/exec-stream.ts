import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The first byte of each message: which stream the rest belongs to. */
const channel = { input: 0, output: 1, complaint: 2, status: 3, close: 255 } as const;
/** Subprotocols, the best first: with the fifth one can say that the input has ended. */
export const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const largestMessage = 32 << 10;
const mostComplaint = 4096;

/**
 * The standard streams of a command in a pod as one duplex stream over a WebSocket. Both ways are bounded: the socket is paused while nobody reads, and
 * a write is done when the system has taken it. What the command says on standard error becomes the error when it ends.
 *
 * @see https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
 */
export class ExecStream extends Duplex {
  readonly #socket: WebSocket;
  #complaint = '';
  #over = false;

  /** @param socket open, with one of `protocols` */
  constructor(socket: WebSocket) {
    // When the command has ended nobody reads what is written.
    super({ allowHalfOpen: false });
    this.#socket = socket;
    socket.on('message', (message: Buffer) => this.#take(message));
    socket.once('error', error => this.destroy(error));
    socket.once('close', () => this.#ended());
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const part = chunk.subarray(0, largestMessage);
    const rest = chunk.subarray(largestMessage);
    const sent = (error?: Error | null): void => {
      if (error || rest.length === 0) done(error);
      else this._write(rest, _encoding, done);
    };
    this.#socket.send(Buffer.concat([Buffer.of(channel.input), part]), { binary: true }, sent);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) done();
    else if (this.#socket.protocol === protocols[0]) {
      this.#socket.send(Buffer.of(channel.close, channel.input), { binary: true }, error => done(error ?? null));
    } else {
      this.#socket.close();
      done();
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // An error that comes now is of nobody's interest, and must not be nobody's.
    this.#socket.on('error', () => {});
    this.#socket.terminate();
    done(error);
  }

  #take(message: Buffer): void {
    const body = message.subarray(1);
    switch (message[0]) {
      case channel.output:
        if (body.length > 0 && !this.push(body)) this.#socket.pause();
        return;
      case channel.complaint:
        this.#complaint = (this.#complaint + body).slice(0, mostComplaint);
        return;
      case channel.status:
        this.#concluded(body.toString());
    }
  }

  /** The command ended: with a Status, as the API has it. */
  #concluded(text: string): void {
    const { status, message } = parseStatus(text);
    this.#finish(status === 'Success' ? '' : this.#complaint.trim() || message || 'the command failed');
  }

  #ended(): void {
    this.#finish(this.#complaint.trim());
  }

  #finish(problem: string): void {
    if (this.#over || this.destroyed) return;
    this.#over = true;
    if (problem === '') this.push(null);
    else this.destroy(new Error(problem));
  }
}

function parseStatus(text: string): { status?: string; message?: string } {
  try {
    return JSON.parse(text) as { status?: string; message?: string };
  } catch {
    return { message: text };
  }
}

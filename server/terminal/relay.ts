import type { RawData, WebSocket } from 'ws';
import { fromViewer, terminalMessage } from '../../images/agent/protocol/terminal.ts';
import type { AgentClient } from '../agent/client.ts';
import { AgentError } from '../agent/errors.ts';
import type { AgentStream } from '../agent/stream.ts';

export interface TerminalView {
  terminal: string;
  /** What the viewer's screen has room for; ignored for those who only look. */
  columns: number;
  rows: number;
  /** The offset up to which the viewer already has the output. */
  resumeFrom?: number | undefined;
  /** Only looks: may not type nor resize. */
  readOnly?: boolean | undefined;
}

/** Bytes that may wait in a WebSocket before the agent has to wait. */
const mostWaiting = 128 * 1024;

/** Close codes that pages act on. */
export const closeCodes = {
  /** The terminal was closed. */
  ended: 1000,
  /** The connection to the sandbox was lost: connect again after a while, with `resumeFrom`. */
  lost: 4000,
  /** What was asked for is not possible; the reason says why. */
  refused: 4001,
  /** The viewer sent what is no message. */
  malformed: 4002,
} as const;

const onlyAcknowledges: ReadonlySet<number> = new Set([terminalMessage.ack]);

/**
 * Connects a page with a terminal until either side ends it. Bodies are not looked into; of what the page sends only the types that a viewer may send
 * go on. Both ways nothing queues beyond a bound: an agent waits for the page, a page's typing waits for the pty. Resolves when it is over; never
 * rejects. The socket's owner has checked that this viewer may see this terminal.
 */
export async function relayTerminal(socket: WebSocket, agent: AgentClient, view: TerminalView): Promise<void> {
  const { terminal, readOnly = false, resumeFrom } = view;
  const size = readOnly ? { columns: 0, rows: 0 } : { columns: view.columns, rows: view.rows };
  let stream: AgentStream;
  try {
    stream = agent.open('terminal.open', { terminal, ...size, ...(resumeFrom === undefined ? {} : { resumeFrom }) });
  } catch (error) {
    close(socket, error);
    return;
  }
  const input = new Input(socket, stream, readOnly ? onlyAcknowledges : fromViewer);
  try {
    for await (const message of stream) await send(socket, message);
    socket.close(closeCodes.ended);
  } catch (error) {
    close(socket, error);
  } finally {
    input.stop();
  }
}

function close(socket: WebSocket, error: unknown): void {
  const lost = !(error instanceof AgentError) || error.code === 'disconnected';
  const reason = error instanceof Error ? error.message : '';
  // A reason has at most 123 bytes.
  socket.close(
    lost ? closeCodes.lost : closeCodes.refused,
    Buffer.from(reason)
      .subarray(0, 120)
      .toString()
      .replace(/\ufffd/g, ''),
  );
}

/** Resolves at once while little waits in the socket, else when this message has left it. */
function send(socket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const waits = socket.bufferedAmount > mostWaiting;
    socket.send(message, { binary: true }, error => {
      if (error) reject(new AgentError('cancelled', error.message));
      else resolve();
    });
    if (!waits) resolve();
  });
}

/** What the page sends: one message at a time; the socket is not read while the agent lets us wait. */
class Input {
  readonly #socket: WebSocket;
  readonly #stream: AgentStream;
  readonly #allowed: ReadonlySet<number>;
  #waiting = 0;

  constructor(socket: WebSocket, stream: AgentStream, allowed: ReadonlySet<number>) {
    this.#socket = socket;
    this.#stream = stream;
    this.#allowed = allowed;
    socket.on('message', this.#message);
    socket.on('close', this.#closed);
  }

  stop(): void {
    this.#socket.off('message', this.#message);
    this.#socket.off('close', this.#closed);
    this.#socket.resume();
  }

  readonly #closed = (): void => this.#stream.cancel();

  readonly #message = (data: RawData, binary: boolean): void => {
    if (!binary || !Buffer.isBuffer(data) || data.length === 0) {
      this.#socket.close(closeCodes.malformed, 'binary messages are expected');
      return;
    }
    if (!this.#allowed.has(data[0]!)) return;
    this.#write(data);
  };

  #write(message: Buffer): void {
    this.#waiting++;
    this.#socket.pause();
    const done = (): void => {
      if (--this.#waiting === 0) this.#socket.resume();
    };
    // A failure of the stream shows where it is read.
    this.#stream.write(message).then(done, done);
  }
}

import type { Duplex } from 'node:stream';
import { Failure, failureOf } from './failure.ts';
import { type CallName, methods } from './methods.ts';
import type { AgentEvent, Methods, OpenRequest } from './protocol/messages.ts';
import { Mux, type MuxStream, type StreamHandlers } from './protocol/mux.ts';
import type { Sandbox } from './sandbox.ts';
import { decodeViewerMessage } from './terminal/messages.ts';
import type { Terminal } from './terminal/terminal.ts';
import type { Viewer } from './terminal/viewer.ts';

/** A server pings more often than that; what is silent for longer is gone. */
const silenceMs = 60_000;
/** A server that does not take what it is sent gets no events until it does. */
const mostWaiting = 1024 * 1024;

/** The servers that are connected, and what they ask. */
export class Connections {
  readonly #sandboxId: string;
  readonly #changed: (count: number) => void;
  readonly #connections = new Set<{ mux: Mux; missed: boolean }>();
  readonly #watch = setInterval(() => this.#look(), silenceMs / 4);
  sandbox: Sandbox | undefined;

  /** @param changed is told how many there are */
  constructor(sandboxId: string, changed: (count: number) => void) {
    this.#sandboxId = sandboxId;
    this.#changed = changed;
  }

  add(duplex: Duplex): void {
    const mux = new Mux(duplex, 'agent', {
      hello: () => {},
      opened: (stream, request) => this.#opened(stream, request),
      closed: () => {
        this.#connections.delete(connection);
        this.#changed(this.#connections.size);
      },
    });
    const connection = { mux, missed: false };
    this.#connections.add(connection);
    this.#changed(this.#connections.size);
    mux.greet(this.#sandboxId);
    duplex.on('drain', () => {
      if (connection.missed) this.#catchUp(connection);
    });
  }

  /** Tells every server. */
  send(event: AgentEvent): void {
    for (const connection of this.#connections) {
      if (connection.mux.waiting > mostWaiting) connection.missed = true;
      else connection.mux.event(event);
    }
  }

  close(): void {
    clearInterval(this.#watch);
    for (const { mux } of this.#connections) mux.close();
  }

  #catchUp(connection: { mux: Mux; missed: boolean }): void {
    connection.missed = false;
    for (const subject of ['files', 'processes', 'traffic', 'configuration', 'terminal'] as const)
      connection.mux.event({ type: 'changed', subject });
    connection.mux.event({ type: 'terminals', terminals: this.sandbox?.terminals.list() ?? [] });
  }

  #look(): void {
    const now = performance.now();
    for (const { mux } of this.#connections)
      if (now - mux.heardAt > silenceMs) mux.close(new Error('the server has gone silent'));
  }

  #opened(stream: MuxStream, { method, params }: OpenRequest): StreamHandlers {
    const { sandbox } = this;
    if (!sandbox) throw new Error('opened before the sandbox was there');
    if (method === 'terminal.open') return openTerminal(sandbox, stream, params as Methods['terminal.open']['params']);
    return call(sandbox, stream, method, params);
  }
}

function call(sandbox: Sandbox, stream: MuxStream, method: CallName, params: unknown): StreamHandlers {
  const abort = new AbortController();
  const work = async (): Promise<unknown> => {
    if (!Object.hasOwn(methods, method)) throw new Failure('unsupported', `there is no method ${String(method)}`);
    const handler = methods[method] as (sandbox: Sandbox, params: unknown, signal: AbortSignal) => unknown;
    return await handler(sandbox, params ?? {}, abort.signal);
  };
  work().then(
    result => stream.finish(result),
    error => stream.fail(failureOf(error)),
  );
  return {
    data: () => {},
    end: () => {},
    credit: () => {},
    failed: () => abort.abort(),
  };
}

/** Connects a stream with a terminal: the stream is a viewer. */
function openTerminal(sandbox: Sandbox, stream: MuxStream, params: Methods['terminal.open']['params']): StreamHandlers {
  let seat: { terminal: Terminal; viewer: Viewer } | undefined;
  const attach = async (): Promise<void> => {
    const size = { columns: Number(params.columns) || 0, rows: Number(params.rows) || 0 };
    const terminal = await sandbox.terminals.open(params.terminal, size);
    if (!stream.open) return;
    seat = { terminal, viewer: terminal.attach(stream, size, params.resumeFrom) };
  };
  const attached = attach();
  attached.catch(error => stream.fail(failureOf(error)));
  const leave = (): void => {
    if (seat) seat.terminal.detach(seat.viewer);
    seat = undefined;
  };
  return {
    data: body => {
      // What comes before the terminal is there, such as keys typed while a connection was lost, waits for it.
      const taken = attached.then(() => seat && receive(seat, body));
      taken.then(
        () => stream.grant(body.length),
        error => stream.fail(failureOf(error)),
      );
    },
    end: () => {
      leave();
      stream.finish({});
    },
    failed: leave,
    credit: () => seat?.viewer.pump(),
  };
}

async function receive({ terminal, viewer }: { terminal: Terminal; viewer: Viewer }, body: Buffer): Promise<void> {
  const message = decodeViewerMessage(body);
  if (message?.type === 'input') await terminal.input(viewer, message.bytes);
  else if (message?.type === 'resize') terminal.askSize(viewer, message);
  else if (message?.type === 'ack') terminal.acknowledge(viewer, message.offset);
}

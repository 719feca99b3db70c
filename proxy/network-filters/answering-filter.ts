/** Two filters that take connections and answer by themselves: the client's own bytes (Envoy's echo), or always the same ones (direct_response). */
import type { ConnectionFacts, FailedConnection, TerminalFilter } from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import { LingeringClose } from '../net/lingering-close.ts';
import { nobody, type Transport } from '../net/transport.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import type { StreamInfo } from '../stream-info.ts';

/** @param connection undefined: nobody logs connections */
type ConnectionEnd = (lengthMs: number, connection: StreamInfo | undefined) => void;

/** How long a client that was answered may take to close, in milliseconds. */
const lingerMs = 1000;

export class AnsweringFilter implements TerminalFilter {
  readonly cameRoutes: CameRoutes | undefined = undefined;
  readonly #answer: Buffer | undefined;
  readonly #onConnectionClosed: ConnectionEnd;
  readonly #connections = new OpenConnections<Transport>();

  /** @param answer undefined: whatever the client sends */
  constructor(answer: Buffer | undefined, onConnectionClosed: ConnectionEnd) {
    this.#answer = answer;
    this.#onConnectionClosed = onConnectionClosed;
  }

  accept(transport: Transport, { connection }: ConnectionFacts): void {
    const startedMs = performance.now();
    const closing = new LingeringClose(transport, lingerMs);
    this.#connections.add(transport);
    transport.handler = {
      ...nobody,
      onRead: chunk => {
        if (this.#answer === undefined) echo(transport, chunk);
      },
      onEnd: () => transport.end(),
      onDrain: () => transport.resume(),
      onClose: () => {
        closing.stop();
        this.#connections.delete(transport);
        if (connection !== undefined) this.#describe(connection, transport);
        this.#onConnectionClosed(performance.now() - startedMs, connection);
      },
    };
    if (this.#answer === undefined) return;
    transport.write(this.#answer);
    closing.begin();
  }

  #describe(connection: StreamInfo, { bytesRead, bytesWritten }: Transport): void {
    connection.bytesSent = bytesWritten;
    if (this.#answer === undefined) connection.bytesReceived = bytesRead;
    else connection.responseCodeDetails = 'direct_response';
  }

  refused({ durationMs, connection }: FailedConnection): void {
    this.#onConnectionClosed(durationMs, connection);
  }

  async prepare(): Promise<void> {}

  /** Nobody knows where bytes may be cut. */
  drain(): void {}

  empty(): Promise<void> {
    return this.#connections.empty();
  }

  destroy(): void {
    for (const transport of this.#connections) transport.destroy();
  }
}

function echo(transport: Transport, chunk: Buffer): void {
  transport.write(chunk);
  transport.flush();
  if (transport.congested) transport.pause();
}

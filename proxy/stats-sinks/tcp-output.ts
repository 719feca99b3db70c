/** Lines on a connection to a host of a cluster, made when there is something to say and kept. */
import type { Cluster } from '../cluster/cluster.ts';
import type { TcpConnection } from '../cluster/tcp-connection.ts';
import type { UpstreamSocketOwner } from '../cluster/upstream-socket.ts';
import type { Transport } from '../net/transport.ts';
import type { LineOutput } from './stats-sinks.ts';

/** Bytes that may wait for a host; what comes then is lost. */
const mostWaiting = 1 << 20;

export class TcpOutput implements LineOutput, UpstreamSocketOwner {
  readonly #clusterName: string;
  readonly #cluster: (name: string) => Cluster | undefined;
  #connection: TcpConnection | undefined;
  #waiting = '';

  constructor(clusterName: string, cluster: (name: string) => Cluster | undefined) {
    this.#clusterName = clusterName;
    this.#cluster = cluster;
  }

  send(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const text = `${lines.join('\n')}\n`;
    const transport = this.#connection?.transport;
    if (transport !== undefined) {
      if (transport.unsent < mostWaiting) transport.writeText(text);
      return;
    }
    if (this.#waiting.length < mostWaiting) this.#waiting += text;
    if (this.#connection === undefined) this.#connect();
  }

  #connect(): void {
    const connection = this.#cluster(this.#clusterName)?.connect(this);
    if (typeof connection === 'object') this.#connection = connection;
    else this.#waiting = '';
  }

  onConnected(transport: Transport): void {
    transport.handler = {
      onRead: () => {},
      onEnd: () => transport.destroy(),
      onClose: () => this.#forget(),
      onDrain: () => {},
    };
    transport.writeText(this.#waiting);
    this.#waiting = '';
  }

  #forget(): void {
    this.#connection?.onClosed(true);
    this.#connection = undefined;
  }

  onConnectFailed(): void {
    this.#connection = undefined;
    this.#waiting = '';
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

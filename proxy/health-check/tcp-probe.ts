/** Connects, and where it is wished, sends bytes and waits for others. */
import { connect, type Socket } from 'node:net';
import type { HealthCheck_TcpHealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import { containsInOrder, payloadBytes } from './payload.ts';
import type { Finding, Probe, ProbeTarget } from './probe.ts';

/** More is not looked through for what is wanted. */
const mostReceived = 64 * 1024;

export class TcpProbe implements Probe {
  readonly #target: ProbeTarget;
  readonly #send: Buffer;
  readonly #receive: readonly Buffer[];
  readonly #reuse: boolean;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #found: ((finding: Finding) => void) | undefined;

  constructor(configuration: Configuration, target: ProbeTarget, reuse: boolean) {
    this.#target = target;
    this.#send = payloadBytes(configuration.send);
    this.#receive = configuration.receive.map(payloadBytes);
    this.#reuse = reuse;
  }

  look(found: (finding: Finding) => void): void {
    this.#found = found;
    this.#received = Buffer.alloc(0);
    this.#socket ??= this.#connect();
    if (this.#send.length > 0) this.#socket.write(this.#send);
  }

  #connect(): Socket {
    const { address: host, port } = this.#target;
    const socket = connect({ host, port, noDelay: true });
    socket.unref();
    socket.on('connect', () => {
      if (this.#receive.length === 0) this.#end('healthy', true);
    });
    socket.on('data', chunk => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#end('unreachable', false);
    });
    return socket;
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]).subarray(0, mostReceived);
    if (containsInOrder(this.#received, this.#receive)) this.#end('healthy', !this.#reuse);
  }

  #end(finding: Finding, close: boolean): void {
    const found = this.#found;
    this.#found = undefined;
    if (close) this.abort();
    found?.(finding);
  }

  abort(): void {
    this.#found = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}

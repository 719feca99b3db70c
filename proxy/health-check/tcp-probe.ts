/** Connects, and where it is wished, sends bytes and waits for others. */
import { connect, type Socket } from 'node:net';
import type { HealthCheck_TcpHealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import { endOf } from '../net/pipe.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import { containsInOrder, payloadBytes } from './payload.ts';
import type { Finding, Probe, ProbeTarget } from './probe.ts';

/** More is not looked through for what is wanted. */
const mostReceived = 64 * 1024;

export class TcpProbe implements Probe {
  readonly #target: ProbeTarget;
  readonly #send: Buffer;
  readonly #receive: readonly Buffer[];
  readonly #tls: TlsClient | undefined;
  readonly #reuse: boolean;
  #socket: Socket | undefined;
  /** Where bytes go once the connection is made, and encrypted where it has to be. */
  #open: Socket | undefined;
  #received = Buffer.alloc(0);
  #found: ((finding: Finding) => void) | undefined;

  /** @param tls undefined where connections are not encrypted */
  constructor(configuration: Configuration, target: ProbeTarget, tls: TlsClient | undefined, reuse: boolean) {
    this.#target = target;
    this.#send = payloadBytes(configuration.send);
    this.#receive = configuration.receive.map(payloadBytes);
    this.#tls = tls;
    this.#reuse = reuse;
  }

  look(found: (finding: Finding) => void): void {
    this.#found = found;
    this.#received = Buffer.alloc(0);
    if (this.#open !== undefined) this.#ask(this.#open);
    else this.#connect();
  }

  #connect(): void {
    const { address, port, source } = this.#target;
    const socket = connect({ ...endOf(address, port), noDelay: true, ...source });
    this.#socket = socket;
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClosed(socket));
    socket.once('connect', () => {
      if (this.#tls === undefined) this.#begin(socket, socket);
      else
        this.#tls.handshake(socket, [], {
          onSecured: secured => this.#begin(socket, secured),
          onFailed: () => socket.destroy(),
        });
    });
  }

  /** @param carrier what bytes go through: the socket itself, or what encrypts them */
  #begin(socket: Socket, carrier: Socket): void {
    if (this.#socket !== socket) {
      carrier.destroy();
      return;
    }
    this.#open = carrier;
    carrier.on('data', chunk => this.#take(chunk));
    carrier.once('close', () => this.#onClosed(socket));
    this.#ask(carrier);
  }

  #ask(carrier: Socket): void {
    if (this.#send.length > 0) carrier.write(this.#send);
    if (this.#receive.length === 0) this.#end('healthy', true);
  }

  #onClosed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#open = undefined;
    this.#end('unreachable', false);
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
    const [socket, carrier] = [this.#socket, this.#open];
    this.#socket = undefined;
    this.#open = undefined;
    carrier?.destroy();
    socket?.destroy();
  }
}

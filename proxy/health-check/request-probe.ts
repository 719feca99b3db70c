/** Sends a request to a host, again and again, and has the answer judged: what checks by HTTP and by gRPC have in common. */
import { connect, type Socket } from 'node:net';
import type { ClientCodec, ClientCodecOwner, ResponseReceiver } from '../http/codec.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { openSocketTransport, openTransport } from '../net/handle-transport.ts';
import { endOf } from '../net/pipe.ts';
import { defaultHighMark, type Transport } from '../net/transport.ts';
import type { TlsClient } from '../tls/tls-client.ts';
import type { Finding, Probe, ProbeTarget } from './probe.ts';

/** How a host is spoken to. */
export interface ProbeConnection {
  /** Undefined where connections are not encrypted. */
  readonly tls: TlsClient | undefined;
  /** Whether a connection is kept for the next look. */
  readonly reuse: boolean;
  /** Speaks on a connection that was made. */
  open(transport: Transport, owner: ClientCodecOwner): ClientCodec;
}

/** What a host answered. */
export interface ProbeAnswer {
  head: ResponseHeaders;
  /** As much of it as is looked at. */
  body: Buffer;
  trailers: HeaderMap | undefined;
}

export abstract class RequestProbe implements Probe, ResponseReceiver, ClientCodecOwner {
  protected readonly target: ProbeTarget;
  readonly #connection: ProbeConnection;
  readonly #bodyLimit: number;
  #socket: Socket | undefined;
  #codec: ClientCodec | undefined;
  #found: ((finding: Finding) => void) | undefined;
  #head: ResponseHeaders | undefined;
  #body = Buffer.alloc(0);

  /** @param bodyLimit bytes of a body that are looked at */
  constructor(target: ProbeTarget, connection: ProbeConnection, bodyLimit: number) {
    this.target = target;
    this.#connection = connection;
    this.#bodyLimit = bodyLimit;
  }

  /** What is asked: a head, and a body that may be empty. */
  protected abstract question(): { head: RequestHeaders; body: Buffer };
  protected abstract judge(answer: ProbeAnswer): Finding;

  look(found: (finding: Finding) => void): void {
    this.#found = found;
    this.#head = undefined;
    this.#body = Buffer.alloc(0);
    if (this.#codec !== undefined) this.#send(this.#codec);
    else this.#connect();
  }

  #connect(): void {
    const { address, port, source } = this.target;
    const { tls } = this.#connection;
    const socket = connect({ ...endOf(address, port), noDelay: true, ...source });
    this.#socket = socket;
    socket.pause();
    socket.unref();
    socket.once('connect', () => {
      if (this.#socket !== socket) return;
      if (tls === undefined) this.#begin(openTransport(socket, defaultHighMark));
      else this.#secure(tls, socket);
    });
    socket.on('error', () => {
      if (this.#socket === socket && this.#codec === undefined) this.#end('unreachable', true);
    });
  }

  #secure(tls: TlsClient, socket: Socket): void {
    tls.handshake(socket, [], {
      onSecured: secured => {
        if (this.#socket === socket) this.#begin(openSocketTransport(secured, defaultHighMark));
        else secured.destroy();
      },
      onFailed: () => {
        if (this.#socket === socket) this.#end('unreachable', true);
      },
    });
  }

  #begin(transport: Transport): void {
    this.#codec = this.#connection.open(transport, this);
    this.#send(this.#codec);
  }

  #send(codec: ClientCodec): void {
    const { head, body } = this.question();
    const sent = codec.start(head, body.length === 0, this);
    if (body.length > 0) sent.sendData(body, true);
  }

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#head = head;
    if (end) this.#judge(undefined);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (this.#body.length < this.#bodyLimit)
      this.#body = Buffer.concat([this.#body, chunk]).subarray(0, this.#bodyLimit);
    if (end) this.#judge(undefined);
  }

  onTrailers(trailers: HeaderMap): void {
    this.#judge(trailers);
  }

  #judge(trailers: HeaderMap | undefined): void {
    this.#end(this.judge({ head: this.#head!, body: this.#body, trailers }), false);
  }

  onReset(): void {
    this.#end('unreachable', true);
  }

  onExchangeDone(reusable: boolean): void {
    if (!reusable || !this.#connection.reuse) this.#drop();
  }

  onConnectionClosed(): void {
    this.#codec = undefined;
    this.#socket = undefined;
  }

  onSent(): void {}

  onInterim(): void {}

  onProtocolError(): void {}

  /** It is closed once it has answered; the next look makes another. */
  onGoAway(): void {
    this.#codec = undefined;
    this.#socket = undefined;
  }

  onCapacityChanged(): void {}

  onUpstreamCongested(): void {}

  #end(finding: Finding, drop: boolean): void {
    const found = this.#found;
    this.#found = undefined;
    if (drop) this.#drop();
    found?.(finding);
  }

  #drop(): void {
    const [codec, socket] = [this.#codec, this.#socket];
    this.#codec = undefined;
    this.#socket = undefined;
    if (codec === undefined) socket?.destroy();
    else codec.close();
  }

  abort(): void {
    this.#found = undefined;
    this.#drop();
  }
}

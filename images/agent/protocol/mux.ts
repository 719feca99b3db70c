import type { Duplex } from 'node:stream';
import {
  encodeHead,
  type Frame,
  FrameParser,
  initialCredit,
  type Kind,
  kind,
  maximumBody,
  protocolVersion,
} from './frames.ts';
import type { AgentEvent, AgentFailure, Hello, OpenRequest } from './messages.ts';

/** What the owner of a stream is told. */
export interface StreamHandlers {
  /** One data frame. The owner grants its length back when it has dealt with it. */
  data(body: Buffer): void;
  /** The other side sends no more; from the agent, with the result's JSON. */
  end(body: Buffer): void;
  /** The stream failed, or its connection did: nothing follows. */
  failed(failure: AgentFailure): void;
  /** More may be sent now. */
  credit(): void;
}

/** What the owner of a connection is told. */
export interface MuxHandlers {
  hello(hello: Hello): void;
  /** The other side opened a stream (to the agent only). The answer is who listens on it. */
  opened?(stream: MuxStream, request: OpenRequest): StreamHandlers;
  event?(event: AgentEvent): void;
  /** Called once, at the end. */
  closed(reason: Error | undefined): void;
}

/** A peer that does not keep to the protocol; the connection is closed. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

const maximumStreams = 256;
const copyBelow = 4096;

/** One stream of a connection, from either side. */
export class MuxStream {
  readonly id: number;
  handlers: StreamHandlers | undefined;
  readonly #mux: Mux;
  #credit = initialCredit;
  #allowance = initialCredit;
  #open = true;

  constructor(mux: Mux, id: number) {
    this.#mux = mux;
    this.id = id;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether the connection is there; the stream itself may have ended. */
  get connected(): boolean {
    return !this.#mux.closed;
  }

  /** Bytes of data that may be sent now. */
  get credit(): number {
    return this.#credit;
  }

  /** Sends one data frame, of at most `credit` bytes. */
  send(body: Buffer): void {
    if (!this.#open) return;
    if (body.length === 0 || body.length > this.#credit) throw new RangeError(`cannot send ${body.length} bytes now`);
    this.#credit -= body.length;
    this.#mux.send(this.id, kind.data, body);
  }

  /** Lets the other side send `bytes` more. */
  grant(bytes: number): void {
    if (!this.#open || bytes === 0) return;
    this.#allowance += bytes;
    const body = Buffer.allocUnsafe(4);
    body.writeUInt32BE(bytes, 0);
    this.#mux.send(this.id, kind.credit, body);
  }

  /** From the server: no more data follows. */
  endData(): void {
    if (this.#open) this.#mux.send(this.id, kind.end, Buffer.alloc(0));
  }

  /** From the agent: the method went well. */
  finish(result: unknown): void {
    if (!this.#open) return;
    const body = Buffer.from(JSON.stringify(result));
    if (body.length > maximumBody) this.fail({ code: 'too-large', message: `the answer has ${body.length} bytes` });
    else this.#close(kind.end, body);
  }

  /** Closes the stream with a failure. */
  fail(failure: AgentFailure): void {
    if (this.#open) this.#close(kind.error, Buffer.from(JSON.stringify(failure)));
  }

  #close(frameKind: Kind, body: Buffer): void {
    this.#open = false;
    this.#mux.send(this.id, frameKind, body);
    this.#mux.forget(this);
  }

  /** The connection's part: a frame for this stream arrived. */
  receive(frame: Frame, agentSide: boolean): void {
    switch (frame.kind) {
      case kind.data:
        this.#allowance -= frame.body.length;
        if (frame.body.length === 0 || this.#allowance < 0) throw new ProtocolError('data beyond what was granted');
        this.handlers?.data(frame.body);
        return;
      case kind.credit:
        if (frame.body.length !== 4) throw new ProtocolError('a grant of credit has 4 bytes');
        this.#credit += frame.body.readUInt32BE(0);
        this.handlers?.credit();
        return;
      case kind.end:
        if (!agentSide) this.lost();
        this.handlers?.end(frame.body);
        return;
      case kind.error:
        this.lost();
        this.handlers?.failed(parse<AgentFailure>(frame.body));
        return;
      default:
        throw new ProtocolError(`a frame of kind ${frame.kind} on a stream`);
    }
  }

  /** The connection's part: nothing can be sent any more. */
  lost(): void {
    this.#open = false;
    this.#mux.forget(this);
  }
}

function parse<T>(body: Buffer): T {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // Said below.
  }
  throw new ProtocolError('a frame whose body is not a JSON object');
}

/** One side of a connection: frames in and out, streams by their ids. The same class serves the agent and the server. */
export class Mux {
  readonly #duplex: Duplex;
  readonly #handlers: MuxHandlers;
  readonly #agentSide: boolean;
  readonly #parser = new FrameParser();
  readonly #streams = new Map<number, MuxStream>();
  #lastOpened = -1;
  #greeted = false;
  #closed = false;
  /** When a frame last came, on the clock of `performance.now()`. */
  heardAt = performance.now();

  constructor(duplex: Duplex, side: 'agent' | 'server', handlers: MuxHandlers) {
    this.#duplex = duplex;
    this.#agentSide = side === 'agent';
    this.#handlers = handlers;
    duplex.on('data', (chunk: Buffer) => this.#received(chunk));
    duplex.on('error', error => this.close(error));
    duplex.on('close', () => this.close());
    duplex.on('end', () => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that wait to be taken by the transport. */
  get waiting(): number {
    return this.#duplex.writableLength;
  }

  /** Says who we are; the first frame of each side. */
  greet(sandbox?: string): void {
    const hello: Hello = { protocol: protocolVersion, ...(sandbox === undefined ? {} : { sandbox }) };
    this.#sendJson(0, kind.open, hello);
  }

  /** From the server: opens a stream. */
  open(request: OpenRequest, handlers: StreamHandlers): MuxStream {
    const body = Buffer.from(JSON.stringify(request));
    if (body.length > maximumBody)
      throw new RangeError(`a request of ${body.length} bytes, ${maximumBody} are allowed`);
    this.#lastOpened += 2;
    const stream = new MuxStream(this, this.#lastOpened);
    stream.handlers = handlers;
    this.#streams.set(stream.id, stream);
    this.send(stream.id, kind.open, body);
    return stream;
  }

  /** From the agent: tells what happened. */
  event(event: AgentEvent): void {
    this.#sendJson(0, kind.event, event);
  }

  ping(): void {
    this.send(0, kind.ping, Buffer.alloc(0));
  }

  /** Writes one frame. */
  send(stream: number, frameKind: Kind, body: Buffer): void {
    if (this.#closed) return;
    const head = encodeHead(stream, frameKind, body.length);
    if (body.length < copyBelow) {
      this.#duplex.write(body.length === 0 ? head : Buffer.concat([head, body]));
      return;
    }
    this.#duplex.cork();
    this.#duplex.write(head);
    this.#duplex.write(body);
    this.#duplex.uncork();
  }

  #sendJson(stream: number, frameKind: Kind, value: unknown): void {
    this.send(stream, frameKind, Buffer.from(JSON.stringify(value)));
  }

  forget(stream: MuxStream): void {
    this.#streams.delete(stream.id);
  }

  /** Closes the connection; every stream of it fails. */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#duplex.destroy();
    const message = reason?.message ?? 'the connection to the sandbox was closed';
    for (const stream of [...this.#streams.values()]) {
      stream.lost();
      stream.handlers?.failed({ code: 'cancelled', message });
    }
    this.#handlers.closed(reason);
  }

  #received(chunk: Buffer): void {
    this.heardAt = performance.now();
    try {
      for (const frame of this.#parser.push(chunk)) {
        if (this.#closed) return;
        if (frame.stream === 0) this.#control(frame);
        else this.#route(frame);
      }
    } catch (error) {
      this.close(error as Error);
    }
  }

  #control(frame: Frame): void {
    if (!this.#greeted && frame.kind !== kind.open) throw new ProtocolError('the first frame must be a hello');
    if (frame.kind === kind.open) this.#hello(parse<Hello>(frame.body));
    else if (frame.kind === kind.ping) this.send(0, kind.pong, Buffer.alloc(0));
    else if (frame.kind === kind.event && !this.#agentSide) this.#handlers.event?.(parse<AgentEvent>(frame.body));
    else if (frame.kind !== kind.pong) throw new ProtocolError(`a frame of kind ${frame.kind} on stream 0`);
  }

  #hello(hello: Hello): void {
    if (this.#greeted) throw new ProtocolError('a second hello');
    if (hello.protocol !== protocolVersion)
      throw new ProtocolError(
        `the other side speaks version ${hello.protocol} of the protocol, this one ${protocolVersion}`,
      );
    this.#greeted = true;
    this.#handlers.hello(hello);
  }

  #route(frame: Frame): void {
    if (!this.#greeted) throw new ProtocolError('the first frame must be a hello');
    if (frame.kind === kind.open && this.#agentSide) this.#accept(frame);
    // What is not known was closed by us while this was on its way.
    else this.#streams.get(frame.stream)?.receive(frame, this.#agentSide);
  }

  #accept(frame: Frame): void {
    if (frame.stream <= this.#lastOpened || frame.stream % 2 === 0)
      throw new ProtocolError(`stream ${frame.stream} cannot be opened`);
    this.#lastOpened = frame.stream;
    const stream = new MuxStream(this, frame.stream);
    const request = parse<OpenRequest>(frame.body);
    if (this.#streams.size >= maximumStreams) {
      stream.fail({ code: 'busy', message: `${maximumStreams} streams are open` });
      return;
    }
    this.#streams.set(stream.id, stream);
    stream.handlers = this.#handlers.opened?.(stream, request);
  }
}

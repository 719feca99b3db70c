/** One stream of a proxy's: its requests are read, and answered from the snapshot. */
import type { ServerHttp2Stream } from 'node:http2';
import { fromBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '../../proxy/api/envoy/service/discovery/v3/discovery_pb.js';
import { frameMessage, GrpcMessageReader } from '../../proxy/grpc/message-reader.ts';
import { grpcStatus } from '../../proxy/grpc/status.ts';
import { Delta } from './delta.ts';
import type { XdsEvent } from './events.ts';
import { type Call, type Kind, type KindName, kindOfType, kinds } from './kinds.ts';
import type { Snapshot } from './snapshot.ts';
import { StateOfTheWorld } from './state-of-the-world.ts';
import type { Received } from './subscription.ts';

const mostRequestBytes = 4 << 20;
/** A proxy that reads no answers is left when so much waits for it. */
const mostWaitingBytes = 16 << 20;

export class XdsStream {
  readonly #stream: ServerHttp2Stream;
  readonly #call: Call;
  readonly #snapshot: Snapshot;
  readonly #tell: (event: XdsEvent) => void;
  readonly #reader = new GrpcMessageReader(mostRequestBytes);
  readonly #sotw = new Map<KindName, StateOfTheWorld>();
  readonly #delta = new Map<KindName, Delta>();
  #node: string | undefined;
  #nonces = 0;

  constructor(stream: ServerHttp2Stream, call: Call, snapshot: Snapshot, tell: (event: XdsEvent) => void) {
    this.#stream = stream;
    this.#call = call;
    this.#snapshot = snapshot;
    this.#tell = tell;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('end', () => this.end(grpcStatus.OK, ''));
    stream.on('close', () => {
      if (this.#node !== undefined) tell({ type: 'left', node: this.#node });
    });
  }

  /** Ends the stream with a status of gRPC. */
  end(status: number, message: string): void {
    if (this.#stream.writableEnded || this.#stream.destroyed) return;
    const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(trailers));
    this.#stream.end();
  }

  /** Kinds have changed: whoever asked for them is told, and for what they lead to. */
  changed(names: ReadonlySet<KindName>): void {
    const again = new Set<KindName>();
    for (const kind of kinds) {
      if (!names.has(kind.name) && !again.has(kind.name)) continue;
      const isSent = this.#answer(kind, again.has(kind.name));
      if (isSent && kind.leadsTo !== undefined && this.#call.kind === undefined) again.add(kind.leadsTo);
    }
  }

  #read(chunk: Buffer): void {
    try {
      for (const message of this.#reader.read(chunk)) this.#receive(message);
    } catch (error) {
      this.end(grpcStatus.INVALID_ARGUMENT, error instanceof Error ? error.message : String(error));
    }
  }

  #receive(bytes: Uint8Array): void {
    const request = fromBinary(this.#call.delta ? DeltaDiscoveryRequestSchema : DiscoveryRequestSchema, bytes);
    if (this.#node === undefined) {
      this.#node = request.node?.id || 'a proxy without a node id';
      this.#tell({ type: 'connected', node: this.#node, kind: this.#call.kind, delta: this.#call.delta });
    }
    const kind = this.#call.kind ?? kindOfType(request.typeUrl);
    // Kinds that are not here, such as runtime layers: nothing to tell.
    if (kind === undefined) return;
    const received =
      request.$typeName === 'envoy.service.discovery.v3.DeltaDiscoveryRequest'
        ? known(this.#delta, kind, () => new Delta(kind)).receive(request)
        : known(this.#sotw, kind, () => new StateOfTheWorld(kind)).receive(request);
    if (received !== undefined) this.#received(kind, this.#node, received);
  }

  #received(kind: Kind, node: string, { verdict, asked, all, isQuestion }: Received): void {
    if (verdict?.refused !== undefined) {
      const accepted = this.#subscription(kind)?.accepted ?? '';
      this.#tell({ type: 'refused', node, kind, version: verdict.version, accepted, reason: verdict.refused });
    } else if (verdict !== undefined) {
      this.#tell({ type: 'accepted', node, kind, version: verdict.version });
    }
    if (!isQuestion) return;
    this.#tell({ type: 'asked', node, kind, names: asked, all });
    this.#answer(kind, false);
  }

  #subscription(kind: Kind): StateOfTheWorld | Delta | undefined {
    return this.#sotw.get(kind.name) ?? this.#delta.get(kind.name);
  }

  /** @returns whether there was something to tell */
  #answer(kind: Kind, again: boolean): boolean {
    const held = this.#snapshot.of(kind);
    const answer = this.#subscription(kind)?.answer(held, String(++this.#nonces), again);
    if (answer === undefined || this.#stream.writableEnded || this.#stream.destroyed) return false;
    this.#stream.write(frameMessage(answer.bytes));
    const { names, removed } = answer;
    this.#tell({ type: 'sent', node: this.#node ?? '', kind, version: held.version, names, removed });
    if (this.#stream.writableLength > mostWaitingBytes) this.#stream.destroy();
    return true;
  }
}

function known<Value>(map: Map<KindName, Value>, { name }: Kind, make: () => Value): Value {
  let value = map.get(name);
  if (value === undefined) {
    value = make();
    map.set(name, value);
  }
  return value;
}

/** Calls services by gRPC through a cluster. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
import type { HeaderValue } from '../api/envoy/config/core/v3/base_pb.js';
import type { GrpcService } from '../api/envoy/config/core/v3/grpc_service_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { milliseconds } from '../duration.ts';
import type { RequestSender, ResetReason, ResponseReceiver } from '../http/codec.ts';
import { codeOf, formatTimeout, percentDecode } from '../http/grpc.ts';
import { type HeaderMap, RequestHeaders, type ResponseHeaders } from '../http/headers.ts';
import { OwnExchange } from '../router/own-exchange.ts';
import { makeFormatter } from '../routing/value-format.ts';
import type { StreamInfo } from '../stream-info.ts';
import { replyToReset } from '../upstream/resets.ts';
import { deadSender } from '../upstream/upstream.ts';
import { frameMessage, GrpcMessageError, GrpcMessageReader } from './message-reader.ts';
import { type GrpcEnd, grpcStatus } from './status.ts';

/** Bytes of a message where nothing else is configured. */
const mostMessageBytes = 64 * 1024 * 1024;

/** Hears a call's answers, perhaps before the call is returned. */
export interface GrpcReceiver {
  /** The bytes may be kept. */
  onMessage(message: Buffer): void;
  /** The last that is heard, once. */
  onEnd(end: GrpcEnd): void;
}

/** A call that is under way. */
export interface GrpcCall {
  send(message: Uint8Array): void;
  /** No further message is sent. */
  end(): void;
  /** Gives it up; nothing more is heard. */
  cancel(): void;
  /** Whether the service takes less than it is sent. */
  readonly congested: boolean;
}

/** A service as a configuration names it. */
export class GrpcClient {
  readonly #service: GrpcService;
  readonly #cluster: (name: string) => Cluster | undefined;
  /** 0: none. */
  readonly #timeoutMs: number;
  readonly #userAgent: string | undefined;
  readonly #metadata: readonly Metadata[];

  /**
   * @param service with an `envoy_grpc`
   * @param cluster finds it for each call anew: it may come or change while the proxy runs
   * @param userAgent whatever the configuration says
   */
  constructor(service: GrpcService, cluster: (name: string) => Cluster | undefined, userAgent?: string) {
    this.#service = service;
    this.#cluster = cluster;
    this.#timeoutMs = milliseconds(service.timeout, 0);
    this.#userAgent = userAgent;
    this.#metadata = service.initialMetadata.map(metadataOf);
  }

  get clusterName(): string {
    const { targetSpecifier } = this.#service;
    return targetSpecifier.case === 'envoyGrpc' ? targetSpecifier.value.clusterName : '';
  }

  /**
   * Begins a call without a limit of time.
   * @param path `/package.Service/Method`
   */
  stream(path: string, receiver: GrpcReceiver): GrpcCall {
    return this.#start(path, receiver, 0);
  }

  /**
   * Calls with one message and hears one.
   * @param timeoutMs where the configuration has none; 0: for ever
   * @param info of the request that it is about: what metadata says of it is put in then, as in Envoy
   * @returns what gives it up
   */
  call(
    path: string,
    message: Uint8Array,
    timeoutMs: number,
    onDone: (end: GrpcEnd, answer: Buffer | undefined) => void,
    info?: StreamInfo,
  ): () => void {
    let answer: Buffer | undefined;
    const call = this.#start(
      path,
      {
        onMessage: bytes => {
          answer ??= bytes;
        },
        onEnd: end => onDone(end, answer),
      },
      this.#timeoutMs || timeoutMs,
      info,
    );
    call.send(message);
    call.end();
    return () => call.cancel();
  }

  #start(path: string, receiver: GrpcReceiver, timeoutMs: number, info?: StreamInfo): GrpcCall {
    const { targetSpecifier } = this.#service;
    const envoyGrpc = targetSpecifier.case === 'envoyGrpc' ? targetSpecifier.value : undefined;
    const cluster = this.#cluster(this.clusterName);
    if (cluster === undefined) {
      receiver.onEnd({ status: grpcStatus.UNAVAILABLE, message: 'Cluster not available' });
      return { ...deadSender, send() {}, end() {}, congested: false };
    }
    const head = new RequestHeaders();
    head.method = 'POST';
    head.path = path;
    head.authority = envoyGrpc?.authority || this.clusterName;
    head.add('te', 'trailers');
    if (timeoutMs > 0) head.add('grpc-timeout', formatTimeout(timeoutMs));
    head.add('content-type', 'application/grpc');
    for (const { name, value } of this.#metadata) head.set(name, value(info));
    if (this.#userAgent !== undefined) head.set('user-agent', this.#userAgent);
    return new Call(
      { head, cluster, timeoutMs, mostBytes: envoyGrpc?.maxReceiveMessageLength ?? mostMessageBytes },
      receiver,
    );
  }
}

/** One field of a call's metadata. */
interface Metadata {
  name: string;
  /** As it is written where the call is about no request. */
  value(info: StreamInfo | undefined): string;
}

function metadataOf({ key, value: text }: HeaderValue): Metadata {
  const name = key.toLowerCase();
  const format = text.includes('%') ? makeFormatter(text) : undefined;
  const plain = packed(name, text);
  return {
    name,
    value: info => (info === undefined || format === undefined ? plain : packed(name, format(info))),
  };
}

/** Metadata whose name says that it is binary goes in base64. */
const packed = (name: string, value: string): string =>
  name.endsWith('-bin') ? Buffer.from(value, 'latin1').toString('base64') : value;

interface CallOptions {
  head: RequestHeaders;
  cluster: Cluster;
  timeoutMs: number;
  mostBytes: number;
}

class Call implements GrpcCall, ResponseReceiver {
  congested = false;
  readonly #exchange: OwnExchange;
  readonly #receiver: GrpcReceiver;
  readonly #reader: GrpcMessageReader;
  readonly #sender: RequestSender;
  #httpStatus = 0;
  #over = false;

  constructor({ head, cluster, timeoutMs, mostBytes }: CallOptions, receiver: GrpcReceiver) {
    this.#exchange = new OwnExchange(head, cluster, true);
    this.#receiver = receiver;
    this.#reader = new GrpcMessageReader(mostBytes);
    this.#sender = this.#exchange.open(timeoutMs, false, this);
  }

  send(message: Uint8Array): void {
    if (!this.#over) this.#sender.sendData(frameMessage(message), false);
  }

  end(): void {
    if (!this.#over) this.#sender.sendData(Buffer.alloc(0), true);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sender.cancel();
  }

  onSent(): void {}

  onInterim(): void {}

  onHead(head: ResponseHeaders, end: boolean): void {
    this.#exchange.countResponse(head.status);
    this.#httpStatus = head.status;
    if (end) this.#finish(head);
    else if (head.status !== 200) this.#break({ status: codeOf(head.status), message: '' });
  }

  onData(chunk: Buffer, end: boolean): void {
    try {
      for (const message of this.#reader.read(chunk)) if (!this.#over) this.#receiver.onMessage(message);
    } catch (error) {
      if (!(error instanceof GrpcMessageError)) throw error;
      this.#break({ status: grpcStatus.INTERNAL, message: error.message });
      return;
    }
    // Its status was to come after it.
    if (end) this.#tell({ status: grpcStatus.UNKNOWN, message: 'the response ended without a status' });
  }

  onTrailers(trailers: HeaderMap): void {
    this.#exchange.countTime();
    this.#finish(trailers);
  }

  onReset(reason: ResetReason, transportFailure: string): void {
    this.#exchange.countReset(reason);
    if (this.#httpStatus !== 0) {
      this.#tell({ status: grpcStatus.INTERNAL, message: '' });
      return;
    }
    const { status, body } = replyToReset(reason, transportFailure, false);
    this.#tell({ status: codeOf(status), message: body });
  }

  onUpstreamCongested(congested: boolean): void {
    this.congested = congested;
  }

  /** @param fields with the status */
  #finish(fields: HeaderMap): void {
    const status = fields.get('grpc-status');
    const message = percentDecode(fields.get('grpc-message') ?? '');
    if (status === undefined) this.#tell({ status: codeOf(this.#httpStatus), message });
    else this.#tell({ status: /^\d{1,2}$/.test(status) ? Number(status) : grpcStatus.UNKNOWN, message });
  }

  #break(end: GrpcEnd): void {
    if (this.#over) return;
    this.#sender.cancel();
    this.#tell(end);
  }

  #tell(end: GrpcEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#receiver.onEnd(end);
  }
}

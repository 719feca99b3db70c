/**
 * Sends entries of access logs to a service: one stream for all of a configuration, what comes in between is put together.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/access_loggers/grpc/v3/als.proto
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { CommonGrpcAccessLogConfig } from '../api/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { milliseconds } from '../duration.ts';
import { type GrpcCall, GrpcClient } from '../grpc/grpc-client.ts';
import { writeMessage, writeText } from '../grpc/wire.ts';
import type { StatsScope } from '../stats/store.ts';

const method = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const usualBufferBytes = 16_384;
const usualIntervalMs = 1000;

export type EntryKind = 'http' | 'tcp';

/** The fields of the entries in a message. */
const entryFields = { http: 2, tcp: 3 } as const;

export interface LoggerContext {
  /** Finds it for each stream anew. */
  cluster: (name: string) => Cluster | undefined;
  /** The proxy itself, as bytes of a Node. */
  node: Uint8Array;
  /** The scope `access_logs.grpc_access_log.`. */
  stats: StatsScope;
}

export class GrpcLogger {
  readonly #kind: EntryKind;
  readonly #logName: string;
  readonly #client: GrpcClient;
  readonly #context: LoggerContext;
  readonly #mostBytes: number;
  readonly #timer: NodeJS.Timeout;
  #entries: Uint8Array[] = [];
  #bytes = 0;
  #call: GrpcCall | undefined;

  constructor(config: CommonGrpcAccessLogConfig, kind: EntryKind, context: LoggerContext) {
    this.#kind = kind;
    this.#logName = config.logName;
    this.#context = context;
    this.#client = new GrpcClient(config.grpcService!, context.cluster);
    this.#mostBytes = config.bufferSizeBytes ?? usualBufferBytes;
    const intervalMs = milliseconds(config.bufferFlushInterval, usualIntervalMs);
    this.#timer = setInterval(() => this.#flush(), intervalMs).unref();
  }

  log(entry: Uint8Array): void {
    if (!this.#hasRoom()) return;
    this.#entries.push(entry);
    this.#bytes += entry.length;
    if (this.#bytes >= this.#mostBytes) this.#flush();
  }

  /** Counts it too; of TCP Envoy counts nothing, and drops nothing: those are dropped here all the same. */
  #hasRoom(): boolean {
    if (this.#isFull()) this.#flush();
    const full = this.#isFull();
    if (this.#kind === 'http') this.#context.stats.counter(full ? 'logs_dropped' : 'logs_written').increment();
    return !full;
  }

  #isFull(): boolean {
    return this.#mostBytes > 0 && this.#bytes >= this.#mostBytes;
  }

  /** Keeps everything where the service takes less than it is sent. */
  #flush(): void {
    if (this.#entries.length === 0 || this.#call?.congested) return;
    const first = this.#call === undefined;
    const call = this.#call ?? this.#open();
    const message = this.#encode(first);
    this.#entries = [];
    this.#bytes = 0;
    call.send(message);
  }

  #open(): GrpcCall {
    let ended = false;
    const call = this.#client.stream(method, {
      onMessage: () => {},
      onEnd: () => {
        ended = true;
        if (this.#call === call) this.#call = undefined;
      },
    });
    if (!ended) this.#call = call;
    return call;
  }

  #encode(first: boolean): Uint8Array {
    const writer = new BinaryWriter();
    if (first)
      writeMessage(writer, 1, () => {
        writer.tag(1, WireType.LengthDelimited).bytes(this.#context.node);
        writeText(writer, 2, this.#logName);
      });
    writeMessage(writer, entryFields[this.#kind], () => {
      for (const entry of this.#entries) writer.tag(1, WireType.LengthDelimited).bytes(entry);
    });
    return writer.finish();
  }

  /** What is left is lost, as in Envoy. */
  close(): void {
    clearInterval(this.#timer);
    this.#call?.cancel();
  }
}

/** All loggers of the process: those that are configured alike share a stream. */
export class GrpcLoggers {
  readonly #context: LoggerContext;
  readonly #loggers = new Map<string, GrpcLogger>();

  constructor(context: LoggerContext) {
    this.#context = context;
  }

  get(config: CommonGrpcAccessLogConfig, kind: EntryKind): GrpcLogger {
    // Statistics are there from the first logger on, as in Envoy.
    for (const name of ['logs_written', 'logs_dropped']) this.#context.stats.counter(name);
    const key = `${kind} ${JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`;
    let logger = this.#loggers.get(key);
    if (logger === undefined) {
      logger = new GrpcLogger(config, kind, this.#context);
      this.#loggers.set(key, logger);
    }
    return logger;
  }

  closeAll(): void {
    for (const logger of this.#loggers.values()) logger.close();
    this.#loggers.clear();
  }
}

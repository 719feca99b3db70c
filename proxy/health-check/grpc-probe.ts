/** Asks a host by gRPC whether it serves. @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { HealthCheck_GrpcHealthCheck as Configuration } from '../api/envoy/config/core/v3/health_check_pb.js';
import { frameMessage, GrpcMessageError, GrpcMessageReader } from '../grpc/message-reader.ts';
import { grpcStatus } from '../grpc/status.ts';
import { readFields, writeText } from '../grpc/wire.ts';
import { RequestHeaders } from '../http/headers.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import { StreamInfo } from '../stream-info.ts';
import type { Finding, ProbeTarget } from './probe.ts';
import { type ProbeAnswer, type ProbeConnection, RequestProbe } from './request-probe.ts';

/** The one status of a service that says that it is well. */
const serving = 1;
/** Bytes of an answer, which has a few. */
const mostAnswerBytes = 1024;

export class GrpcProbe extends RequestProbe {
  readonly #authority: string;
  readonly #body: Buffer;
  readonly #mutations: HeaderMutations;

  /** @param target whose authority is the cluster's name where the configuration has none */
  constructor(configuration: Configuration, target: ProbeTarget, connection: ProbeConnection) {
    super(target, connection, mostAnswerBytes);
    this.#authority = configuration.authority || target.authority;
    const writer = new BinaryWriter();
    writeText(writer, 1, configuration.serviceName);
    this.#body = frameMessage(writer.finish());
    this.#mutations = new HeaderMutations({ add: configuration.initialMetadata, remove: [] });
  }

  protected question(): { head: RequestHeaders; body: Buffer } {
    const head = new RequestHeaders();
    head.method = 'POST';
    head.path = '/grpc.health.v1.Health/Check';
    head.authority = this.#authority;
    head.add('te', 'trailers');
    head.add('content-type', 'application/grpc');
    head.add('user-agent', 'Envoy/HC');
    this.#mutations.apply(head, new StreamInfo());
    return { head, body: this.#body };
  }

  protected judge({ head, body, trailers }: ProbeAnswer): Finding {
    const status = (trailers ?? head).get('grpc-status');
    if (head.status !== 200 || status !== String(grpcStatus.OK)) return 'unhealthy';
    return statusOf(body) === serving ? 'healthy' : 'unhealthy';
  }
}

/** What the first message says; undefined where it is none. */
function statusOf(body: Buffer): number | undefined {
  let status: number | undefined;
  try {
    const [message] = new GrpcMessageReader(mostAnswerBytes).read(body);
    if (message === undefined) return undefined;
    status = 0;
    readFields(message, (field, reader) => {
      if (field !== 1) return false;
      status = reader.int32();
      return true;
    });
  } catch (error) {
    // Whatever else it says, it does not say that it serves.
    if (error instanceof GrpcMessageError || error instanceof RangeError) return undefined;
    throw error;
  }
  return status;
}

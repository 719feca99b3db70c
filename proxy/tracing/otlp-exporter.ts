/** How spans get to a collector of OpenTelemetry: by HTTP or by gRPC, with the same message. */
import type { GrpcService } from '../api/envoy/config/core/v3/grpc_service_pb.js';
import type { HttpService } from '../api/envoy/config/core/v3/http_service_pb.js';
import type { OpenTelemetryConfig } from '../api/envoy/config/trace/v3/opentelemetry_pb.js';
import { milliseconds } from '../duration.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { fullVersion } from '../version.ts';
import { Collector } from './collector.ts';
import type { TracerContext } from './tracer-context.ts';

const userAgent = `OTel-OTLP-Exporter-Envoy/${fullVersion}`;
const exportMethod = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/**
 * Sends an ExportTraceServiceRequest.
 * @param onDropped hears that nothing could be sent
 */
export type Exporter = (message: Buffer, onDropped: () => void) => void;

/** What the configuration names. Throws where that is not just one. */
export function exporterOf({ grpcService, httpService }: OpenTelemetryConfig, context: TracerContext): Exporter {
  if (grpcService !== undefined && httpService === undefined) return byGrpc(grpcService, context);
  if (httpService !== undefined && grpcService === undefined) return byHttp(httpService, context);
  throw new Error('OpenTelemetry Tracer must have exactly one of gRPC, HTTP, or custom exporter configured.');
}

function byHttp({ httpUri, requestHeadersToAdd }: HttpService, context: TracerContext): Exporter {
  const [, authority = '', path = ''] = /^(?:[^/]*:\/\/)?([^/?#]*)(.*)$/.exec(httpUri?.uri ?? '') ?? [];
  const upstream = httpUri?.httpUpstreamType;
  const address = {
    cluster: upstream?.case === 'cluster' ? upstream.value : '',
    authority,
    path: path || '/',
    contentType: 'application/x-protobuf',
    headers: [
      'user-agent',
      userAgent,
      ...requestHeadersToAdd.flatMap(({ header }) => [header?.key.toLowerCase() ?? '', header?.value ?? '']),
    ],
  };
  const collector = new Collector(address, context.cluster);
  const timeoutMs = milliseconds(httpUri?.timeout, 0);
  return (message, onDropped) =>
    collector.post(message, timeoutMs, result => {
      if (result === 'no-cluster') onDropped();
    });
}

/** As in Envoy no call has a limit of time, whatever the service's `timeout` says: the cluster's breakers bound how many there are. */
function byGrpc(service: GrpcService, context: TracerContext): Exporter {
  const client = new GrpcClient(service, context.cluster, userAgent);
  return message => {
    const call = client.stream(exportMethod, { onMessage() {}, onEnd() {} });
    call.send(message);
    call.end();
  };
}

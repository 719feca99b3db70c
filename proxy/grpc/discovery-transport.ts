/** Streams of xDS by gRPC. */
import type { GrpcService } from '../api/envoy/config/core/v3/grpc_service_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import type { DiscoveryTransport } from '../xds/transport.ts';
import { GrpcClient } from './grpc-client.ts';

/** @param cluster finds it for each stream anew */
export function discoveryTransport(
  service: GrpcService,
  cluster: (name: string) => Cluster | undefined,
): DiscoveryTransport {
  const client = new GrpcClient(service, cluster);
  return {
    open: (path, receiver) => {
      const call = client.stream(path, {
        onMessage: message => receiver.onResponse(message),
        onEnd: ({ status, message }) => receiver.onClosed(status, message),
      });
      return { send: bytes => call.send(bytes), close: () => call.cancel() };
    },
  };
}

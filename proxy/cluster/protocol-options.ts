/** What a cluster says about its connections, in its old fields or in the extension that replaces them. */
import { Cluster_ClusterProtocolSelection } from '../api/enums.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
} from '../api/envoy/config/core/v3/protocol_pb.js';
import type { HttpProtocolOptions } from '../api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import { defaultLimits, type HeadLimits } from '../http/codec.ts';
import { type Http1Options, http1Options } from '../http1/options.ts';
import { type Http2Options, http2Options } from '../http2/options.ts';
import { PeerNaming } from './peer-naming.ts';
import type { PoolProtocol } from './pool.ts';

const typeName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const hourMs = 3_600_000;

export interface ProtocolOptions {
  /** `downstream`: what the client speaks. */
  protocol: PoolProtocol | 'downstream';
  http1Options: Http1Options;
  http2Options: Http2Options;
  idleTimeoutMs: number;
  maxRequestsPerConnection: number;
  /** Milliseconds that a connection may be open; 0: for ever. */
  maxConnectionDurationMs: number;
  /** Of responses. */
  limits: HeadLimits;
  /** For a stream; 0: for ever. */
  maxStreamDurationMs: number;
  /** Whom requests name is whom connections are for. */
  naming: PeerNaming;
}

export function protocolOptions(cluster: Cluster): ProtocolOptions {
  const extension = typedConfig<HttpProtocolOptions>(cluster.typedExtensionProtocolOptions[typeName], typeName);
  const common: CommonOptions | undefined = extension?.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions;
  const { protocol, http1, http2 } = extension === undefined ? oldOptions(cluster) : extensionOptions(extension);
  return {
    protocol,
    http1Options: http1Options(http1),
    http2Options: http2Options(http2),
    idleTimeoutMs: milliseconds(common?.idleTimeout, hourMs),
    maxStreamDurationMs: milliseconds(common?.maxStreamDuration, 0),
    naming: new PeerNaming(extension?.upstreamHttpProtocolOptions ?? cluster.upstreamHttpProtocolOptions),
    maxConnectionDurationMs: milliseconds(common?.maxConnectionDuration, 0),
    limits: { ...defaultLimits, maximumHeaders: common?.maxHeadersCount ?? defaultLimits.maximumHeaders },
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
  };
}

interface Chosen {
  protocol: ProtocolOptions['protocol'];
  http1: Http1ProtocolOptions | undefined;
  http2: Http2ProtocolOptions | undefined;
}

function extensionOptions({ upstreamProtocolOptions: options }: HttpProtocolOptions): Chosen {
  if (options.case === 'useDownstreamProtocolConfig') return { protocol: 'downstream', ...bothOf(options.value) };
  if (options.case === 'autoConfig') return { protocol: 'auto', ...bothOf(options.value) };
  const explicit = options.case === 'explicitHttpConfig' ? options.value.protocolConfig : undefined;
  if (explicit?.case === 'http2ProtocolOptions') return { protocol: 'HTTP/2', http1: undefined, http2: explicit.value };
  const http1 = explicit?.case === 'httpProtocolOptions' ? explicit.value : undefined;
  return { protocol: 'HTTP/1.1', http1, http2: undefined };
}

const bothOf = (options: {
  httpProtocolOptions?: Http1ProtocolOptions | undefined;
  http2ProtocolOptions?: Http2ProtocolOptions | undefined;
}): Pick<Chosen, 'http1' | 'http2'> => ({
  http1: options.httpProtocolOptions,
  http2: options.http2ProtocolOptions,
});

/** Fields that the extension replaced, and which are used where it is not there. */
function oldOptions(cluster: Cluster): Chosen {
  const { httpProtocolOptions: http1, http2ProtocolOptions: http2 } = cluster;
  if (cluster.protocolSelection === Cluster_ClusterProtocolSelection.USE_DOWNSTREAM_PROTOCOL)
    return { protocol: 'downstream', http1, http2 };
  return { protocol: http2 === undefined ? 'HTTP/1.1' : 'HTTP/2', http1, http2 };
}

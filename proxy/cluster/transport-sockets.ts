/** How connections to a cluster's hosts are encrypted, or not: by what the metadata of a host say, or else as for the whole cluster. */
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Metadata, TransportSocket } from '../api/envoy/config/core/v3/base_pb.js';
import type { UpstreamTlsContext } from '../api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { Json, JsonObject } from '../configuration/json.ts';
import { canonical } from '../configuration/json.ts';
import { typedConfig } from '../configuration/typed-config.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { SecretManager } from '../tls/secret-manager.ts';
import { TlsClient } from '../tls/tls-client.ts';
import type { TlsContext } from '../tls/tls-context.ts';

const tlsType = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

interface Match {
  /** Fields that all have to be there, as text. */
  wanted: [key: string, value: string][];
  /** Undefined: connections are not encrypted. */
  tls: TlsClient | undefined;
  count: Counter;
}

/** What metadata say of the transport socket that is wanted. */
export function socketMatchOf(metadata: Metadata | undefined): JsonObject | undefined {
  return metadata?.filterMetadata['envoy.transport_socket_match'] as JsonObject | undefined;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto (transport_socket_matches) */
export class TransportSockets {
  /** In the order of the configuration; what holds for all the others is the last one. */
  readonly #matches: readonly Match[];

  /**
   * @param scope of the cluster
   * @throws TlsConfigurationError, UnreadableSource, and Error for a source of secrets that is not there
   */
  constructor(configuration: Configuration, scope: StatsScope, secrets: SecretManager) {
    const make = (name: string, wanted: JsonObject, socket: TransportSocket | undefined): Match => ({
      wanted: Object.entries(wanted).map(([key, value]) => [key, canonical(value as Json)]),
      tls: tlsClientOf(socket, scope, secrets),
      count: scope.counter(`${name}.total_match_count`),
    });
    this.#matches = [
      ...configuration.transportSocketMatches.map(({ name, match, transportSocket }) =>
        make(name, (match ?? {}) as JsonObject, transportSocket),
      ),
      make('default', {}, configuration.transportSocket),
    ];
  }

  /** Undefined where connections are not encrypted. */
  tlsFor(said: JsonObject | undefined): TlsClient | undefined {
    return this.#matchFor(said).tls;
  }

  /** A host has come. */
  count(said: JsonObject | undefined): void {
    this.#matchFor(said).count.increment();
  }

  /** Those that are complete now. */
  get contexts(): readonly TlsContext[] {
    return this.#matches.flatMap(({ tls }) => tls?.source.current ?? []);
  }

  #matchFor(said: JsonObject | undefined): Match {
    const fits = ([key, value]: Match['wanted'][number]) => {
      const found = said?.[key];
      return found !== undefined && canonical(found) === value;
    };
    return this.#matches.find(({ wanted }) => wanted.every(fits))!;
  }

  /** Ends when there was a first answer for each secret. */
  async start(): Promise<void> {
    await Promise.all(this.#matches.map(({ tls }) => tls?.source.start()));
  }

  stop(): void {
    for (const { tls } of this.#matches) tls?.source.stop();
  }
}

function tlsClientOf(
  socket: TransportSocket | undefined,
  scope: StatsScope,
  secrets: SecretManager,
): TlsClient | undefined {
  const any = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  const context = typedConfig<UpstreamTlsContext>(any, tlsType);
  return context && new TlsClient(context, scope, secrets);
}

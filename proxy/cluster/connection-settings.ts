/** How a cluster connects to its hosts, whatever it sends. */
import type { Socket } from 'node:net';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { BindConfig } from '../api/envoy/config/core/v3/address_pb.js';
import { milliseconds } from '../duration.ts';
import { prepareConnect } from '../net/prepared-socket.ts';
import { keepAliveSetter } from '../net/socket-options.ts';
import { freeBinding, optionsOf } from '../net/stated-options.ts';
import { defaultHighMark } from '../net/transport.ts';
import type { ClusterContext } from './cluster-context.ts';
import { type SourceFor, sourceAddresses } from './source-address.ts';

export interface ConnectionSettings {
  connectTimeoutMs: number;
  /** Bytes that may wait to be sent. */
  highMark: number;
  /** Undefined: the system chooses where connections come from. */
  source: SourceFor | undefined;
  /** Tells the system before a socket connects, in the turn in which it was made; undefined: nothing. Throws what is not taken. */
  prepareConnect: ((socket: Socket, host: string) => void) | undefined;
  /** Undefined: nothing is said to the system once it has. */
  prepareSocket: ((socket: Socket) => void) | undefined;
}

/** @throws Error where the system cannot be told what is configured */
export function connectionSettings(
  configuration: Configuration,
  { bind: general, xds }: ClusterContext,
): ConnectionSettings {
  const bind = configuration.upstreamBindConfig ?? general;
  const keepAlive = configuration.upstreamConnectionOptions?.tcpKeepalive;
  return {
    connectTimeoutMs: milliseconds(configuration.connectTimeout, 5000),
    highMark: configuration.perConnectionBufferLimitBytes ?? defaultHighMark,
    source: sourceAddresses(bind),
    prepareConnect: connectPreparer(bind, xds),
    prepareSocket:
      keepAlive &&
      keepAliveSetter({
        probes: keepAlive.keepaliveProbes,
        timeSeconds: keepAlive.keepaliveTime,
        intervalSeconds: keepAlive.keepaliveInterval,
      }),
  };
}

function connectPreparer(
  bind: BindConfig | undefined,
  xds: ClusterContext['xds'],
): ConnectionSettings['prepareConnect'] {
  const stated = optionsOf(bind?.socketOptions ?? [], 'beforeBind');
  const options = bind?.freebind ? [freeBinding(bind.sourceAddress?.address ?? ''), ...stated] : stated;
  if (options.length === 0) return undefined;
  return (socket, host) => {
    try {
      prepareConnect(socket, host, options);
    } catch (error) {
      xds?.log.warning('connection', (error as Error).message);
      throw error;
    }
  };
}

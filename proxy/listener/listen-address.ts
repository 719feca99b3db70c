/** Where a listener's connections come to. */
import type { Address } from '../api/envoy/config/core/v3/address_pb.js';
import type { SocketOption } from '../api/envoy/config/core/v3/socket_option_pb.js';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import { isPipe } from '../net/pipe.ts';
import { fastOpen, freeBinding, optionsOf, type StatedOptions, transparency } from '../net/stated-options.ts';
import { addressText } from '../net/transport.ts';

export interface ListenAddress {
  /** Or a pipe's path. */
  host: string;
  /** 0: any that is free, or none. */
  port: number;
  /** Clients of IPv4 come to it, too, though it is one of IPv6. */
  ipv4Compat?: boolean;
  /** Of a pipe's file; 0: as the system makes it. */
  mode?: number;
  /** Whether it is opened: else connections come only from other listeners. */
  listens: boolean;
  /** What the system is told of its socket; undefined: nothing. */
  options?: StatedOptions | undefined;
}

/**
 * The first, then those besides it.
 * @throws Error where one is none that can be listened on
 */
export function listenAddresses(configuration: Configuration): readonly [ListenAddress, ...ListenAddress[]] {
  const { address, socketOptions, additionalAddresses } = configuration;
  const more = additionalAddresses.map(({ address: other, socketOptions: own }) =>
    listenAddress(configuration, other, own?.socketOptions ?? socketOptions),
  );
  return [listenAddress(configuration, address, socketOptions), ...more];
}

function listenAddress(
  configuration: Configuration,
  address: Address | undefined,
  stated: readonly SocketOption[],
): ListenAddress {
  const listens = configuration.bindToPort ?? configuration.deprecatedV1?.bindToPort ?? true;
  const options = (host: string) => socketOptions(configuration, host, stated);
  const { address: where } = address ?? {};
  if (where?.case === 'pipe') {
    const { path: host, mode } = where.value;
    return { host, port: 0, mode, listens, options: options(host) };
  }
  if (where?.case !== 'socketAddress')
    throw new Error(`listener ${configuration.name}: address is neither a socket address nor a pipe`);
  const { address: host, portSpecifier, ipv4Compat } = where.value;
  const port = portSpecifier.case === 'portValue' ? portSpecifier.value : 0;
  return { host, port, ipv4Compat, listens, options: options(host) };
}

/** What the system is told of its socket; undefined: nothing. */
function socketOptions(
  { freebind, transparent, tcpFastOpenQueueLength: queue }: Configuration,
  host: string,
  stated: readonly SocketOption[],
): StatedOptions | undefined {
  const own = [...(transparent ? [transparency(host)] : []), ...(freebind ? [freeBinding(host)] : [])];
  if (stated.length === 0 && own.length === 0 && queue === undefined) return undefined;
  return {
    beforeBind: [...own, ...optionsOf(stated, 'beforeBind')],
    bound: optionsOf(stated, 'bound'),
    listening: [...(queue === undefined ? [] : [fastOpen(queue)]), ...optionsOf(stated, 'listening')],
  };
}

/** `ip:port`, or a pipe's path. */
export const listenText = ({ host, port }: ListenAddress): string => addressText(host, port);

export const sameAddress = (one: ListenAddress, other: ListenAddress): boolean =>
  one.host === other.host && one.port === other.port;

/** Any port that is free is nobody's yet. */
export const shareAddress = (some: readonly ListenAddress[], others: readonly ListenAddress[]): boolean =>
  some.some(one => others.some(other => (isPipe(one.host) || one.port !== 0) && sameAddress(one, other)));

/** What Envoy says where another listener has one of these addresses. */
export function duplicateAddress(name: string, binds: readonly ListenAddress[]): string {
  const advice =
    "to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener";
  const addresses = binds.map(listenText).join(',');
  return `error adding listener: '${name}' has duplicate address '${addresses}' as existing listener, ${advice}`;
}

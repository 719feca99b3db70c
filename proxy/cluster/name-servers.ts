/** Who is asked for the names of a cluster: what it says itself, in the newer or in the older fields, or what the bootstrap says for all. */
import { getServers } from 'node:dns';
import { networkInterfaces } from 'node:os';
import type { Bootstrap } from '../api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Cluster } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Address } from '../api/envoy/config/core/v3/address_pb.js';
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type { DnsResolutionConfig, DnsResolverOptions } from '../api/envoy/config/core/v3/resolver_pb.js';
import type { CaresDnsResolverConfig } from '../api/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js';
import type { GetAddrInfoDnsResolverConfig } from '../api/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import { formatAddress } from '../net/transport.ts';
import { NameResolver, ServerSource, systemSource } from './name-resolver.ts';

/** What a bootstrap says for the clusters that say nothing. */
export type NameDefaults = Pick<Bootstrap, 'typedDnsResolverConfig' | 'dnsResolutionConfig'>;

interface Stated {
  /** Undefined: the system is asked as all programs ask it. */
  servers: { resolvers: readonly Address[]; options: DnsResolverOptions | undefined; asFallback: boolean } | undefined;
  onlyRoutable: boolean;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/dns_resolution */
export function nameResolver(cluster: Cluster, defaults: NameDefaults | undefined): NameResolver {
  const { servers, onlyRoutable } = stated(cluster, defaults) ?? { servers: undefined, onlyRoutable: false };
  return new NameResolver(
    cluster.dnsLookupFamily,
    // The system does not tell how long its answers hold.
    servers === undefined && !cluster.respectDnsTtl ? systemSource : sourceOf(servers),
    onlyRoutable ? isRoutable : undefined,
  );
}

function sourceOf(servers: Stated['servers']): ServerSource {
  const { resolvers = [], asFallback = false, options } = servers ?? {};
  const own = asFallback && getServers().some(server => server !== '127.0.0.1') ? [] : resolvers.map(serverOf);
  return new ServerSource(own.length > 0 ? own : undefined, !(options?.noDefaultSearchDomain ?? false));
}

function stated(cluster: Cluster, defaults: NameDefaults | undefined): Stated | undefined {
  const { dnsResolvers: resolvers } = cluster;
  const oldest = resolvers.length > 0 ? { resolvers, options: undefined, asFallback: false } : undefined;
  return (
    byExtension(cluster.typedDnsResolverConfig) ??
    byResolution(cluster.dnsResolutionConfig) ??
    (oldest && { servers: oldest, onlyRoutable: false }) ??
    byExtension(defaults?.typedDnsResolverConfig) ??
    byResolution(defaults?.dnsResolutionConfig)
  );
}

function byExtension(extension: TypedExtensionConfig | undefined): Stated | undefined {
  const message = (extension?.typedConfig as UnpackedAny | undefined)?.message as
    | CaresDnsResolverConfig
    | GetAddrInfoDnsResolverConfig
    | undefined;
  if (message === undefined) return undefined;
  if (message.$typeName === 'envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig')
    return { servers: undefined, onlyRoutable: false };
  const { resolvers, dnsResolverOptions: options, useResolversAsFallback: asFallback } = message;
  return { servers: { resolvers, options, asFallback }, onlyRoutable: message.filterUnroutableFamilies };
}

function byResolution(configuration: DnsResolutionConfig | undefined): Stated | undefined {
  if (configuration === undefined) return undefined;
  const { resolvers, dnsResolverOptions: options } = configuration;
  return { servers: { resolvers, options, asFallback: false }, onlyRoutable: false };
}

function serverOf({ address }: Address): string {
  if (address.case !== 'socketAddress') throw new Error('a DNS server has a socket address');
  const { address: host, portSpecifier } = address.value;
  return formatAddress(host, portSpecifier.case === 'portValue' ? portSpecifier.value || 53 : 53);
}

/** Whether this machine has an address of that family that others see. */
function isRoutable(family: 4 | 6): boolean {
  const all = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []);
  return all.some(address => address.family === `IPv${family}` && !address.internal);
}

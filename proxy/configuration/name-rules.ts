/** What is refused of how a cluster looks names up, in Envoy's words. */
import { isIP } from 'node:net';
import { at, list, type Part, type Refuse } from './parts.ts';

const resolverTypes = 'envoy.extensions.network.dns_resolver.';

export function checkNames(cluster: Part, refuse: Refuse): void {
  if (cluster.value.type !== 'STRICT_DNS' && cluster.value.type !== 'LOGICAL_DNS') return;
  const rate = at(cluster, 'dns_failure_refresh_rate');
  const { base_interval: base, max_interval: most } = rate?.value ?? {};
  if (rate !== undefined && most !== undefined && seconds(most) < seconds(base)) {
    const rule = 'dns_failure_refresh_rate must have max_interval greater than or equal to the base_interval';
    throw refuse(rule, [...rate.path, 'max_interval']);
  }
  checkResolvers(list(cluster, 'dns_resolvers'), refuse);
  checkNameServers(cluster, refuse);
}

/** Of a cluster, or of all of a bootstrap. */
export function checkNameServers(part: Part, refuse: Refuse): void {
  checkResolvers(list(part, 'dns_resolution_config', 'resolvers'), refuse);
  const extension = at(part, 'typed_dns_resolver_config');
  const configuration = extension && at(extension, 'typed_config');
  if (extension === undefined || configuration === undefined) return;
  const type = String(configuration.value['@type']).replace(/^.*\//, '');
  if (!type.startsWith(resolverTypes)) {
    const name = extension.value.name ?? '';
    throw refuse(`Didn't find a registered implementation for '${name}' with type URL: '${type}'`, extension.path);
  }
  checkResolvers(list(configuration, 'resolvers'), refuse);
}

function checkResolvers(resolvers: readonly Part[], refuse: Refuse): void {
  for (const resolver of resolvers) {
    const address = at(resolver, 'socket_address');
    if (address === undefined || isIP(String(address.value.address)) !== 0) continue;
    throw refuse(`malformed IP address: ${address.value.address}`, [...address.path, 'address']);
  }
}

const seconds = (text: unknown): number => Number(String(text).replace(/s$/, ''));

/** The hosts of all clusters in the form in which they would be configured, as `/config_dump?include_eds` shows them. */
import type { EndpointsStatus, HostStatus } from '../admin-source.ts';
import { isObject, type Json, type JsonObject } from '../configuration/json.ts';
import { asText } from '../net/latin1.ts';
import { addressAsJson } from './addresses.ts';

const url = (type: string) => `type.googleapis.com/envoy.${type}`;

/** An envoy.admin.v3.EndpointsConfigDump of what is in use now: resolved names too, and what is known of health. */
export function endpointsDump(clusters: Iterable<EndpointsStatus>, matches: (name: string) => boolean): JsonObject {
  const shown = [...clusters].filter(({ name }) => matches(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const of = (addedViaApi: boolean) =>
    shown.filter(one => one.addedViaApi === addedViaApi).map(one => ({ endpoint_config: assignmentOf(one) }));
  const lists = { static_endpoint_configs: of(false), dynamic_endpoint_configs: of(true) };
  const kept = Object.entries(lists).filter(([, items]) => items.length > 0);
  return { '@type': url('admin.v3.EndpointsConfigDump'), ...Object.fromEntries(kept) };
}

function assignmentOf({ name, overprovisioning, resolvesNames, localities }: EndpointsStatus): JsonObject {
  const endpoints = [...localities].map(hosts => {
    const { region, zone, subZone, priority, localityWeight } = hosts[0]!;
    return {
      locality: { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) },
      lb_endpoints: hosts.map(host => endpointOf(host, resolvesNames)),
      load_balancing_weight: localityWeight,
      ...(priority !== 0 && { priority }),
    };
  });
  return {
    '@type': url('config.endpoint.v3.ClusterLoadAssignment'),
    cluster_name: name,
    ...(endpoints.length > 0 && { endpoints }),
    policy: { overprovisioning_factor: overprovisioning },
  };
}

function endpointOf(host: HostStatus, isResolved: boolean): JsonObject {
  const { address, port, hostname, weight, health, check } = host;
  const checkedPort = check.port || port;
  const isCheckedElsewhere = checkedPort !== port || (check.address !== '' && check.address !== address);
  const health_check_config = {
    ...(isCheckedElsewhere && { port_value: checkedPort }),
    ...(check.hostname && { hostname: check.hostname }),
  };
  const metadata = metadataOf(host);
  return {
    endpoint: { address: addressAsJson(address, port), health_check_config, ...(hostname && { hostname }) },
    health_status: health.toUpperCase(),
    // What came of a name has some always.
    ...((metadata !== undefined || isResolved) && { metadata: metadata ?? {} }),
    load_balancing_weight: weight,
  };
}

function metadataOf({ told }: HostStatus): JsonObject | undefined {
  if (told === undefined) return undefined;
  return { filter_metadata: textOf(Object.fromEntries(told.namespaces())) };
}

/** As it was configured. */
function textOf(value: Json): Json {
  if (typeof value === 'string') return asText(value);
  if (Array.isArray(value)) return value.map(textOf);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [asText(key), textOf(inner ?? null)]));
}

/** /clusters: every cluster with its limits and its hosts. */
import type { AdminSource, ClusterStatus, HostStatus, ThresholdLimits } from '../admin-source.ts';
import { addressText } from '../net/transport.ts';
import { addressAsJson } from './addresses.ts';
import { type AdminReply, json, text } from './reply.ts';

/** Answers as text, or as envoy.admin.v3.Clusters. */
export function handleClusters(source: AdminSource, query: URLSearchParams): AdminReply {
  const clusters = [...source.clusters()].filter(filterOf(query));
  if (query.get('format') !== 'json') return text(clusters.map(clusterAsText).join(''));
  return json(clusters.length === 0 ? {} : { cluster_statuses: clusters.map(clusterAsJson) });
}

function filterOf(query: URLSearchParams): (cluster: ClusterStatus) => boolean {
  const pattern = query.get('filter');
  if (!pattern) return () => true;
  const regex = new RegExp(pattern);
  return ({ name }) => regex.test(name);
}

function clusterAsText(cluster: ClusterStatus): string {
  const { name, observabilityName, thresholds, addedViaApi, hosts } = cluster;
  return [
    `${name}::observability_name::${observabilityName}\n`,
    outlierLines(cluster),
    thresholdLines(name, 'default', thresholds.default),
    thresholdLines(name, 'high', thresholds.high),
    `${name}::added_via_api::${addedViaApi}\n`,
    ...[...hosts].map(host => hostAsText(name, host)),
  ].join('');
}

function outlierLines({ name, outlierRates: rates }: ClusterStatus): string {
  if (rates === undefined) return '';
  const prefix = `${name}::outlier::`;
  return [
    `${prefix}success_rate_average::${decimal(rates.external.average)}\n`,
    `${prefix}success_rate_ejection_threshold::${decimal(rates.external.threshold)}\n`,
    `${prefix}local_origin_success_rate_average::${decimal(rates.localOrigin.average)}\n`,
    `${prefix}local_origin_success_rate_ejection_threshold::${decimal(rates.localOrigin.threshold)}\n`,
  ].join('');
}

/** With at most six digits, as C++ prints numbers. */
const decimal = (number: number): number => Number(number.toPrecision(6));

function thresholdLines(name: string, priority: string, limits: ThresholdLimits): string {
  const prefix = `${name}::${priority}_priority::`;
  return [
    `${prefix}max_connections::${limits.maxConnections}\n`,
    `${prefix}max_pending_requests::${limits.maxPendingRequests}\n`,
    `${prefix}max_requests::${limits.maxRequests}\n`,
    `${prefix}max_retries::${limits.maxRetries}\n`,
  ].join('');
}

function hostAsText(cluster: string, host: HostStatus): string {
  const stats = { ...sum(host, 'counters'), ...sum(host, 'gauges') };
  const lines: [string, string | number | boolean][] = [
    ...Object.keys(stats)
      .sort()
      .map(name => [name, stats[name]!] as [string, number]),
    ['hostname', host.hostname],
    ['health_flags', host.healthFlags],
    ['weight', host.weight],
    ['region', host.region],
    ['zone', host.zone],
    ['sub_zone', host.subZone],
    ['canary', host.canary],
    ['priority', host.priority],
    ['success_rate', decimal(host.successRate)],
    ['local_origin_success_rate', decimal(host.localOriginSuccessRate)],
  ];
  const prefix = `${cluster}::${addressText(host.address, host.port)}::`;
  return lines.map(([name, value]) => `${prefix}${name}::${value}\n`).join('');
}

/** Over all workers. */
function sum(host: HostStatus, kind: 'counters' | 'gauges'): Record<string, number> {
  const sums: Record<string, number> = { ...host[kind] };
  for (const counted of host.elsewhere ?? [])
    for (const [name, count] of Object.entries(counted?.[kind] ?? {})) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function clusterAsJson({
  name,
  observabilityName,
  addedViaApi,
  thresholds,
  outlierRates,
  hosts,
}: ClusterStatus): object {
  const hostList = [...hosts].map(hostAsJson);
  return {
    name,
    ...(addedViaApi && { added_via_api: true }),
    ...percent('success_rate_ejection_threshold', outlierRates?.external.threshold),
    ...(hostList.length > 0 && { host_statuses: hostList }),
    circuit_breakers: {
      thresholds: [limitsAsJson(thresholds.default), { priority: 'HIGH', ...limitsAsJson(thresholds.high) }],
    },
    observability_name: observabilityName,
    ...percent('local_origin_success_rate_ejection_threshold', outlierRates?.localOrigin.threshold),
  };
}

/** A value that is not known is left out. */
function percent(name: string, value: number | undefined): object {
  return value === undefined || value < 0 ? {} : { [name]: value === 0 ? {} : { value } };
}

function limitsAsJson(limits: ThresholdLimits): object {
  return {
    max_connections: limits.maxConnections,
    max_pending_requests: limits.maxPendingRequests,
    max_requests: limits.maxRequests,
    max_retries: limits.maxRetries,
  };
}

function hostAsJson(host: HostStatus): object {
  const { region, zone, subZone } = host;
  const locality = { ...(region && { region }), ...(zone && { zone }), ...(subZone && { sub_zone: subZone }) };
  return {
    address: addressAsJson(host.address, host.port),
    stats: [...simpleMetrics(sum(host, 'counters')), ...simpleMetrics(sum(host, 'gauges'), 'GAUGE')],
    health_status: healthAsJson(host.healthFlags),
    ...percent('success_rate', host.successRate),
    ...percent('local_origin_success_rate', host.localOriginSuccessRate),
    weight: host.weight,
    ...(host.hostname && { hostname: host.hostname }),
    ...(host.priority !== 0 && { priority: host.priority }),
    locality,
  };
}

/** Proto3 JSON leaves out what is zero, and a counter is the default type. */
function simpleMetrics(stats: object, type?: string): object[] {
  return Object.entries(stats)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ ...(type && { type }), ...(value !== 0 && { value: String(value) }), name }));
}

/** By the flags' names in `/clusters`. */
const healthFields: Record<string, object> = {
  failed_active_hc: { failed_active_health_check: true },
  failed_outlier_check: { failed_outlier_check: true },
  degraded_active_hc: { failed_active_degraded_check: true },
  pending_active_hc: { pending_active_hc: true },
  excluded_via_immediate_hc_fail: { excluded_via_immediate_hc_fail: true },
  active_hc_timeout: { active_hc_timeout: true },
  failed_eds_health: { eds_health_status: 'UNHEALTHY' },
  degraded_eds_health: { eds_health_status: 'DEGRADED' },
  eds_status_draining: { eds_health_status: 'DRAINING' },
};

function healthAsJson(flags: string): object {
  const fields = flags.split('/').map(flag => healthFields[flag] ?? {});
  return Object.assign({ eds_health_status: 'HEALTHY' }, ...fields);
}

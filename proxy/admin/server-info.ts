/** /server_info, /memory and the statistics of the process. */

import { defaultFlushIntervalMs } from '../access-log/sink.ts';
import type { AdminSource } from '../admin-source.ts';
import type { Options } from '../command-line.ts';
import type { JsonObject } from '../configuration/json.ts';
import { isObject } from '../configuration/json.ts';
import { memoryUsage } from '../memory-usage.ts';
import type { StatsStore } from '../stats/store.ts';
import { fullVersion, version } from '../version.ts';
import { daysUntilFirstExpires } from './certs.ts';
import { type AdminReply, json } from './reply.ts';

const states = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2, INITIALIZING: 3 } as const;

/** What is told of the process. */
export interface ProcessFacts {
  options: Options;
  concurrency: number;
  startedAt: Date;
  document: JsonObject;
  /** The heaps of other workers. */
  heapsElsewhere?: Heap[];
}

type Heap = Pick<NodeJS.MemoryUsage, 'heapUsed' | 'heapTotal' | 'external'>;

/** envoy.admin.v3.ServerInfo, where every primitive is printed. */
export function handleServerInfo(source: AdminSource, facts: ProcessFacts): AdminReply {
  const uptime = `${uptimeSeconds(facts)}s`;
  return json({
    version: fullVersion,
    state: source.state,
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: 'disabled',
    command_line_options: commandLineOptions(facts),
    node: { id: '', cluster: '', ...nodeOf(facts) },
    hot_restart_initializing: false,
  });
}

function commandLineOptions({ options, concurrency }: ProcessFacts): object {
  return {
    base_id: String(options.baseId),
    concurrency,
    config_path: options.configPath ?? '',
    config_yaml: options.configYaml ?? '',
    allow_unknown_static_fields: false,
    admin_address_path: options.adminAddressPath ?? '',
    local_address_ip_version: 'v4',
    log_level: options.logLevel,
    component_log_level: options.componentLogLevels.map(([name, level]) => `${name}:${level}`).join(','),
    log_path: options.logPath ?? '',
    service_cluster: options.serviceCluster ?? '',
    service_node: options.serviceNode ?? '',
    service_zone: options.serviceZone ?? '',
    file_flush_interval: `${(options.fileFlushIntervalMs ?? defaultFlushIntervalMs) / 1000}s`,
    drain_time: `${options.drainTimeSeconds}s`,
    mode: { serve: 'Serve', validate: 'Validate', init_only: 'InitOnly' }[options.mode],
    disable_hot_restart: true,
    restart_epoch: 0,
    reject_unknown_dynamic_fields: options.rejectUnknownDynamicFields,
    drain_strategy: options.drainStrategy === 'gradual' ? 'Gradual' : 'Immediate',
  };
}

/** The node as it tells of itself: what the configuration says, and what runs there. */
export function nodeOf({ options, document }: ProcessFacts): JsonObject {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [sha = '', , status = '', build = '', library = ''] = fullVersion.split('/');
  const node = isObject(document.node) ? document.node : {};
  return {
    ...(options.serviceNode && { id: options.serviceNode }),
    ...(options.serviceCluster && { cluster: options.serviceCluster }),
    user_agent_name: 'envoy',
    user_agent_build_version: {
      version: { major_number: major, minor_number: minor, patch },
      metadata: { 'revision.sha': sha, 'revision.status': status, 'build.type': build, 'ssl.version': library },
    },
    ...node,
  };
}

function uptimeSeconds({ startedAt }: ProcessFacts): number {
  return Math.floor((Date.now() - startedAt.getTime()) / 1000);
}

/** envoy.admin.v3.Memory: the heap of the JavaScript engine. */
export function handleMemory(facts: ProcessFacts): AdminReply {
  const { heapUsed, heapTotal, rss, external } = wholeMemory(facts);
  return json({
    allocated: String(heapUsed + external),
    heap_size: String(heapTotal + external),
    pageheap_unmapped: '0',
    pageheap_free: String(heapTotal - heapUsed),
    total_thread_cache: '0',
    total_physical_bytes: String(rss),
  });
}

/** Each worker has a heap of its own. */
function wholeMemory({ heapsElsewhere = [] }: ProcessFacts): Heap & { rss: number } {
  const own = memoryUsage();
  // Those that have not told yet are holes, which this leaves out.
  const whole = (kind: keyof Heap): number => heapsElsewhere.reduce((sum, heap) => sum + heap[kind], own[kind]);
  return { rss: own.rss, heapUsed: whole('heapUsed'), heapTotal: whole('heapTotal'), external: whole('external') };
}

/** Sets `server.*`; call it when stats are flushed. */
export function updateServerStats(store: StatsStore, source: AdminSource, facts: ProcessFacts): void {
  const server = store.scope('server.');
  const { heapUsed, heapTotal, rss, external } = wholeMemory(facts);
  const state = states[source.state];
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  server.gauge('live').set(state === states.LIVE ? 1 : 0);
  server.gauge('state').set(state);
  server.gauge('uptime').set(uptimeSeconds(facts));
  server.gauge('concurrency').set(facts.concurrency);
  server.gauge('memory_allocated').set(heapUsed + external);
  server.gauge('memory_heap_size').set(heapTotal + external);
  server.gauge('memory_physical_size').set(rss);
  server.gauge('version').set((major << 16) | (minor << 8) | patch);
  server.gauge('hot_restart_epoch').set(0);
  server.gauge('parent_connections').set(0);
  server.gauge('days_until_first_cert_expiring').set(daysUntilFirstExpires(source.certificates()));
}

/** Makes the counters of `server.*` that start at zero. */
export function declareServerStats(store: StatsStore): void {
  const server = store.scope('server.');
  for (const name of ['dynamic_unknown_fields', 'static_unknown_fields', 'dropped_stat_flushes', 'envoy_bug_failures'])
    server.counter(name);
}

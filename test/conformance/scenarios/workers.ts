/** Two workers: what they do together. Each request comes on a connection of its own, so that both have some. */
import { setTimeout as wait } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import {
  accessLog,
  admin,
  type Place,
  type Ports,
  readStats,
  type Scenario,
  type Step,
  stats,
  together,
} from '../scenario.ts';
import { routesTo, until } from './answers.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, modify, telling, typed } from './filters.ts';

type Json = Record<string, unknown>;

const ask = ({ ports }: Place, path: string, close = false) =>
  exchange(ports.listener, `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`, close);

const statusOf = (head: readonly string[]): string => (head[0] ?? 'none').split(' ')[1] ?? 'none';

function counted(statuses: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** A step: so many requests, one after the other; how many had which answer. */
const apart = (path: string, count: number, name = `${count} connections for ${path}`): Step => ({
  name,
  see: async place => {
    const statuses: string[] = [];
    for (let i = 0; i < count; i++) statuses.push(statusOf((await ask(place, path)).head));
    return counted(statuses);
  },
});

/** A step: so many requests at a time. */
const atOnce = (path: string, count: number): Step => ({
  name: `${count} connections at once for ${path}`,
  see: async place => {
    const answers: ReturnType<typeof ask>[] = [];
    for (let i = 0; i < count; i++) {
      answers.push(ask(place, path));
      // One after the other asks whether there is room.
      await wait(25);
    }
    return counted((await Promise.all(answers)).map(({ head }) => statusOf(head)));
  },
});

/** A step: how many of so many connections end with their answer. */
const ending = (count: number): Step => ({
  name: `${count} connections, and which end`,
  see: async place => {
    const ends: string[] = [];
    for (let i = 0; i < count; i++)
      ends.push((await ask(place, '/open/get')).head.includes('connection: close') ? 'ends' : 'goes on');
    return counted(ends);
  },
});

/** A step: whether each worker had some connections, and these are all. */
const spread: Step = {
  name: 'connections of each worker',
  see: async ({ ports }) => {
    const names = ['worker_0.', 'worker_1.', ''].map(part => `listener.main.${part}downstream_cx_total`);
    const counts = Object.values(await readStats(ports.admin, names)).map(Number);
    const [first = 0, second = 0, all = 0] = counts;
    return [first > 0, second > 0, first + second === all];
  },
};

/** What workers are told comes a moment later; nothing shows when. */
const aMoment: Step = { name: 'a moment', see: () => wait(300) };

/** The access log, in no order: workers write when they do. */
const logLines = (count: number): Step => ({
  name: 'the access log',
  see: async place => ((await accessLog(count).see(place)) as string[]).sort(),
});

const limited: Json = typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
  stat_prefix: 'limited',
  token_bucket: { max_tokens: 10, tokens_per_fill: 1, fill_interval: '3600s' },
  filter_enabled: { default_value: { numerator: 100 } },
  filter_enforced: { default_value: { numerator: 100 } },
});

const off: Json = typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', { stat_prefix: 'off' });

/** Hosts of which one group is asked for by name. */
const grouped = ({ httpbin, raw }: Ports): Json => ({
  name: 'grouped',
  connect_timeout: '1s',
  type: 'STATIC',
  lb_subset_config: { fallback_policy: 'ANY_ENDPOINT', subset_selectors: [{ keys: ['v'] }] },
  load_assignment: {
    cluster_name: 'grouped',
    endpoints: [
      {
        lb_endpoints: [httpbin, raw].map((port, index) => ({
          endpoint: { address: address(port) },
          metadata: { filter_metadata: { 'envoy.lb': { v: String(index) } } },
        })),
      },
    ],
  },
});

const breakers = ['rq_open', 'remaining_rq'].map(name => `cluster.narrow.circuit_breakers.default.${name}`);

export const workers: Scenario = {
  name: 'two workers',
  args: ['--concurrency', '2'],
  config: (ports, log) => {
    const configuration = bootstrap(ports, log, {
      routes: [
        telling('/limited/', 'limit', limited),
        route('/open/', 'httpbin', { prefix_rewrite: '/' }),
        ...routesTo(['failing', 'narrow']),
      ],
      manager: {
        ...chain({ name: 'limit', typed_config: off }),
        access_log: [fileLog(log, '%REQ(:PATH)% %RESPONSE_CODE%\n')],
      },
      clusters: [
        cluster('httpbin', [ports.httpbin]),
        cluster('failing', [ports.httpbin], {
          outlier_detection: { consecutive_5xx: 5, max_ejection_percent: 100, base_ejection_time: '600s' },
          common_lb_config: { healthy_panic_threshold: { value: 0 } },
        }),
        cluster('narrow', [ports.httpbin], {
          circuit_breakers: { thresholds: [{ max_requests: 3, track_remaining: true }] },
        }),
        grouped(ports),
      ],
      bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
    });
    const [listener] = (configuration.static_resources as { listeners: Json[] }).listeners;
    Object.assign(listener!, { stat_prefix: 'main' });
    return configuration;
  },
  steps: [
    apart('/open/get', 40),
    spread,
    stats(
      ...[
        'server.concurrency',
        'listener.main.downstream_cx_total',
        'http.ingress.downstream_rq_total',
        'http.ingress.downstream_rq_2xx',
      ],
      ...['cluster.httpbin.upstream_rq_total', 'cluster.httpbin.upstream_rq_200', 'cluster.httpbin.membership_total'],
      ...[
        'cluster_manager.cluster_added',
        'listener_manager.listener_added',
        'listener_manager.listener_create_success',
      ],
      ...['active', 'created', 'removed'].map(name => `cluster.grouped.lb_subsets_${name}`),
    ),
    admin('/stats?filter=worker_.*downstream_cx_total&format=json', body =>
      (JSON.parse(body) as { stats: { name: string }[] }).stats.map(({ name }) => name).sort(),
    ),
    admin('/clusters', body => /httpbin::[\d.:]+::rq_total::\d+/.exec(body)?.[0].split('::').at(-1)),
    admin(
      '/server_info',
      body => (JSON.parse(body) as { command_line_options: Json }).command_line_options.concurrency,
    ),
    apart('/limited/', 30),
    stats(...['enabled', 'enforced', 'ok', 'rate_limited'].map(name => `limited.http_local_rate_limit.${name}`)),
    atOnce('/narrow/delay/1', 10),
    stats(...breakers, 'cluster.narrow.upstream_rq_pending_overflow', 'cluster.narrow.upstream_rq_total'),
    apart('/failing/status/500', 12),
    until('cluster.failing.outlier_detection.ejections_active', 1),
    stats('cluster.failing.outlier_detection.ejections_detected_consecutive_5xx', 'cluster.failing.membership_healthy'),
    together('maintenance', [modify('upstream.maintenance_mode.httpbin=100'), aMoment, apart('/open/get', 12)]),
    together('no maintenance', [modify('upstream.maintenance_mode.httpbin='), aMoment, apart('/open/get', 12)]),
    together('drained', [admin('/healthcheck/fail', undefined, 'POST'), aMoment, ending(12)]),
    together('and not', [admin('/healthcheck/ok', undefined, 'POST'), aMoment, ending(12)]),
    admin('/reset_counters', undefined, 'POST'),
    apart('/open/get', 8, 'after counters were reset'),
    stats('http.ingress.downstream_rq_total', 'cluster.httpbin.upstream_rq_total'),
    together('listeners drained', [admin('/drain_listeners', undefined, 'POST'), aMoment, apart('/open/get', 6)]),
    logLines(148),
  ],
};

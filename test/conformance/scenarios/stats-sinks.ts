/** Statistics that are sent to statsd. */
import { setTimeout as wait } from 'node:timers/promises';
import { admin, request, type Scenario, type Step } from '../scenario.ts';
import { collectStats, type StatsCollector } from '../stats-collector.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';
import { typed } from './filters.ts';

type Json = Record<string, unknown>;

/** What both proxies have, and what tells of requests alone. */
const compared =
  /(^|\.)(http\.(ingress\.)?(downstream_rq_(total|completed|[2-5]xx|xx|active|time)|no_route|rq_total)|cluster\.(raw\.)?(upstream_rq_(total|completed|2xx|200|xx|active|time)|upstream_rq|external\.upstream_rq_200|upstream_cx_total|membership_healthy|max_host_weight)|server\.live)$/;

/** By name, type and tags: the sum of counters, the last of gauges, how many values of histograms. */
function summed(lines: readonly string[]): Json {
  const found = new Map<string, number>();
  for (const line of lines) {
    const [, name = '', value = '', type = '', tags = ''] = /^(.*?):([^|]*)\|(\w+)(.*)$/.exec(line) ?? [];
    // Our admin interface does not count what it is asked.
    if (!compared.test(name) || tags.endsWith('prefix:admin')) continue;
    const key = `${name} ${type} ${tags}`;
    if (type === 'c') found.set(key, (found.get(key) ?? 0) + Number(value));
    else if (type === 'g') found.set(key, Number(value));
    else found.set(key, (found.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function scenario(
  name: string,
  sinks: (port: number) => Json[],
  steps: Step[],
  more: Json = { stats_flush_interval: '0.3s' },
): Scenario {
  let open: StatsCollector | undefined;
  return {
    name,
    args: ['--service-node', 'me', '--service-cluster', 'ours'],
    config: (at, log) => {
      const whole = bootstrap(at, log, {
        routes: [route('/echo', 'raw')],
        clusters: [cluster('raw', [at.raw]), cluster('stats', [at.nobody])],
      });
      return { ...whole, ...more, stats_sinks: sinks(at.nobody) };
    },
    beside: async ({ nobody }) => {
      open = await collectStats(nobody);
      return open.close;
    },
    steps: [
      ...steps,
      {
        name: 'what was collected',
        see: async () => {
          await wait(1500);
          const { datagrams } = open!;
          const lines = [...datagrams.flatMap(datagram => datagram.split('\n')), ...open!.text().split('\n')];
          return {
            summed: summed(lines),
            several: datagrams.some(datagram => datagram.includes('\n')),
            longest: datagrams.every(datagram => datagram.length <= 400),
            // Envoy has one for each of its threads.
            byTcp: open!.connections() > 0,
          };
        },
      },
    ],
  };
}

const statsd = (fields: Json): Json => ({
  name: 'envoy.stat_sinks.statsd',
  typed_config: typed('envoy.config.metrics.v3.StatsdSink', fields),
});
const dogStatsd = (fields: Json): Json => ({
  name: 'envoy.stat_sinks.dog_statsd',
  typed_config: typed('envoy.config.metrics.v3.DogStatsdSink', fields),
});

const requests = [request('/echo'), request('/echo'), request('/none')];

export const statsSinks: Scenario[] = [
  scenario(
    'statistics by UDP',
    port => [statsd({ address: { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: port } } })],
    requests,
  ),
  scenario('statistics by TCP', () => [statsd({ tcp_cluster_name: 'stats', prefix: 'own' })], requests),
  scenario(
    'statistics with tags',
    port => [
      dogStatsd({ address: address(port), prefix: 'dog', max_bytes_per_datagram: 400 }),
      statsd({ address: address(port) }),
    ],
    requests,
  ),
  scenario(
    'statistics when the admin interface is asked',
    port => [dogStatsd({ address: address(port) })],
    [...requests, admin('/stats?filter=none')],
    { stats_flush_on_admin: true },
  ),
];

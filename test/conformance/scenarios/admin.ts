import { admin, request, type Scenario, type Step } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

/** Lines in any order. */
const lines = (body: string): string[] => body.split('\n').sort();

/** Lines that match, in their order, numbers of times left out. */
const matching = (pattern: RegExp) => (body: string) => body.split('\n').filter(line => pattern.test(line));

/** The names alone. */
const names = (pattern: RegExp) => (body: string) =>
  body
    .split('\n')
    .map(line => line.replace(/[:{ ].*/, ''))
    .filter(name => pattern.test(name))
    .sort();

/** What a JSON body is made of: keys and kinds of values, where values differ from run to run. */
const shape = (body: string): unknown => shapeOf(JSON.parse(body));

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

/** Clusters and their statistics come in no order. */
function clusterShapes(body: string): unknown {
  const { cluster_statuses: clusters } = JSON.parse(body) as { cluster_statuses: { name: string }[] };
  return clusters.sort((a, b) => (a.name < b.name ? -1 : 1)).map(shapeOf);
}

const json = (body: string): unknown => JSON.parse(body);

/** A configuration dump without times. */
function dump(body: string): unknown {
  const { configs } = JSON.parse(body, (key, value) => (key === 'last_updated' ? '<time>' : value));
  const chosen = (configs as Record<string, unknown>[]).filter(
    ({ '@type': type }) => !/SecretsConfigDump|ScopedRoutes|Ecds/.test(String(type)),
  );
  return chosen.map(({ bootstrap: _, ...rest }) => rest);
}

const upstreamStats = /^cluster\.httpbin\.upstream_rq_(total|2xx|200|404|4xx|completed|active)\b/;

const reading: Step[] = [
  admin('/ready'),
  admin('/ready', undefined, 'HEAD'),
  admin('/listeners'),
  admin('/listeners?format=json', json),
  admin('/clusters', lines),
  admin('/clusters?format=json', clusterShapes),
  admin('/server_info', body => Object.keys(JSON.parse(body)).sort()),
  admin('/stats?usedonly&filter=^cluster.httpbin.upstream_rq_', matching(upstreamStats)),
  admin('/stats?filter=upstream_rq_200$&type=Counters'),
  admin('/stats?filter=^cluster.httpbin.upstream_rq_time$&type=Histograms', body =>
    body.replace(/\d+(\.\d+)?\(?|nan/g, '<n>').slice(0, 60),
  ),
  admin('/stats?format=json&filter=^cluster.httpbin.upstream_rq_(200|total)$', json),
  admin('/stats?format=prometheus&filter=^cluster.httpbin.upstream_rq', matching(/upstream_rq_(total|xx|completed)/)),
  admin('/stats/prometheus?filter=^cluster.httpbin.upstream_rq_total'),
  admin('/stats/prometheus?filter=^cluster.httpbin.upstream_rq_time', matching(/^#|_count|le="(0.5|\+Inf|3600000)"/)),
  admin('/stats?format=nonsense'),
  admin('/stats?filter=(', body => body.split('\n')[0]?.slice(0, 14)),
  admin('/stats?filter=^cluster.httpbin', names(/upstream_rq/)),
  admin('/stats?filter=^http.ingress', names(/downstream_(rq|cx)/)),
  admin('/config_dump', dump),
  admin('/config_dump?resource=static_clusters', shape),
  admin('/config_dump?mask=nonsense', body => body.slice(0, 20)),
  admin('/config_dump?include_eds', body =>
    JSON.parse(body).configs.map((config: { '@type': string }) => config['@type']),
  ),
  admin('/certs', json),
  admin('/runtime', json),
  admin('/memory', shape),
  admin(
    '/help',
    matching(
      /^ {2}\/(ready|listeners|clusters|stats|config_dump|server_info|certs|runtime|reset_counters|quitquitquit)[: ]/,
    ),
  ),
  admin('/nothing', body => body.split('\n')[0]),
  admin('/', body => body.slice(0, 15)),
];

const changing: Step[] = [
  admin('/reset_counters'),
  admin('/reset_counters', undefined, 'POST'),
  admin('/stats?filter=^cluster.httpbin.upstream_rq_(200|total)$'),
  admin('/logging', body => body.split('\n')[0], 'POST'),
  admin('/logging?level=warning', body => body.split('\n')[0], 'POST'),
  admin('/logging?level=nonsense', body => body.split('\n')[0], 'POST'),
  admin('/runtime_modify', body => body.split('\n')[0], 'POST'),
  admin('/runtime_modify?a=1', undefined, 'POST'),
  admin('/healthcheck/fail', undefined, 'POST'),
  { ...admin('/ready'), name: 'not ready once health checks fail' },
  request('/get', {}, 'a request while health checks fail'),
  admin('/healthcheck/ok', undefined, 'POST'),
  { ...admin('/ready'), name: 'ready again' },
  admin('/quitquitquit', undefined, 'POST'),
  { name: 'ends by /quitquitquit', see: async ({ running }) => (await running.ended(5000)).status },
];

/** The admin interface: what it tells after some requests, and what it changes. */
export const adminInterface: Scenario = {
  name: 'admin interface',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/', 'httpbin', { timeout: '1s' })],
      clusters: [
        cluster('httpbin', [ports.httpbin]),
        cluster('two', [ports.raw, ports.nobody], { lb_policy: 'RANDOM' }),
      ],
      bootstrap: {
        admin: { address: { socket_address: { address: '127.0.0.1', port_value: ports.admin } } },
        node: { id: 'learner', cluster: 'workshop' },
      },
    }),
  steps: [request('/get'), request('/status/404'), request('/delay/2'), ...reading, ...changing],
};

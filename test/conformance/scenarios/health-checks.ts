/** Hosts that are looked at: what is asked, what it is judged by, and what follows. */
import { type Place, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { eventually, health, membershipStats, routesTo, statuses, until } from './answers.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';

type Json = Record<string, unknown>;

/** A check by HTTP; hosts are looked at again at once whether there is traffic or not. */
const check = (path: string, more: Json = {}, http: Json = {}): Json => ({
  health_checks: [
    {
      ...{ timeout: '1s', interval: '0.1s', no_traffic_interval: '0.1s', unhealthy_threshold: 2, healthy_threshold: 2 },
      http_health_check: { path, ...http },
      ...more,
    },
  ],
});

const tcp = (payloads: Json = {}, more: Json = {}): Json => {
  const { health_checks: checks } = check('', more) as { health_checks: Json[] };
  const { http_health_check: _, ...rest } = checks[0]!;
  return { health_checks: [{ ...rest, tcp_health_check: payloads }] };
};

const hex = (text: string): Json => ({ text: Buffer.from(text).toString('hex') });

const calm = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };

/** Each with its hosts; `healthy` of them are, and what a request then meets. */
const judged: {
  name: string;
  hosts: (ports: Ports) => number[];
  settings: Json;
  healthy: number;
  degraded?: number;
}[] = [
  { name: 'passing', hosts: ({ raw }) => [raw], settings: check('/echo'), healthy: 1 },
  { name: 'failing', hosts: ({ httpbin, raw }) => [httpbin, raw], settings: check('/status/503'), healthy: 1 },
  { name: 'refused', hosts: ({ nobody, raw }) => [nobody, raw], settings: check('/echo'), healthy: 1 },
  { name: 'silent', hosts: ({ raw }) => [raw], settings: check('/silent', { timeout: '0.2s' }), healthy: 0 },
  { name: 'garbage', hosts: ({ raw }) => [raw], settings: check('/garbage'), healthy: 0 },
  { name: 'disconnect', hosts: ({ raw }) => [raw], settings: check('/disconnect'), healthy: 0 },
  {
    name: 'expected',
    hosts: ({ httpbin }) => [httpbin],
    settings: check('/status/404', {}, { expected_statuses: [{ start: 400, end: 405 }] }),
    healthy: 1,
  },
  {
    name: 'unexpected',
    hosts: ({ httpbin }) => [httpbin],
    settings: check('/status/405', {}, { expected_statuses: [{ start: 400, end: 405 }] }),
    healthy: 0,
  },
  {
    name: 'body',
    hosts: ({ raw }) => [raw],
    settings: check('/echo', {}, { receive: [hex('/echo'), hex('host')] }),
    healthy: 1,
  },
  {
    name: 'other-body',
    hosts: ({ raw }) => [raw],
    settings: check('/echo', {}, { receive: [hex('host'), hex('/echo')] }),
    healthy: 0,
  },
  {
    name: 'degraded',
    hosts: ({ httpbin }) => [httpbin],
    settings: check('/response-headers?x-envoy-degraded=1'),
    healthy: 0,
    degraded: 1,
  },
  {
    name: 'excluded',
    hosts: ({ raw, httpbin }) => [raw, httpbin],
    settings: check(
      '/response-headers?x-envoy-immediate-health-check-fail=1',
      {},
      {
        expected_statuses: [{ start: 299, end: 300 }],
      },
    ),
    healthy: 0,
  },
  {
    name: 'posted',
    hosts: ({ httpbin }) => [httpbin],
    settings: check(
      '/post',
      {},
      { method: 'POST', send: hex('abc'), receive: [hex('"data":"abc"')], response_buffer_size: 0 },
    ),
    healthy: 1,
  },
  { name: 'tcp', hosts: ({ nobody, raw }) => [nobody, raw], settings: tcp(), healthy: 1 },
  {
    name: 'tcp-bytes',
    hosts: ({ raw }) => [raw],
    settings: tcp({ send: hex('GET /echo HTTP/1.1\r\n\r\n'), receive: [hex('HTTP/1.1'), hex('200')] }),
    healthy: 1,
  },
  {
    name: 'tcp-other-bytes',
    hosts: ({ raw }) => [raw],
    settings: tcp({ send: hex('GET /echo HTTP/1.1\r\n\r\n'), receive: [hex('201')] }, { timeout: '0.2s' }),
    healthy: 0,
  },
  {
    name: 'tcp-closed',
    hosts: ({ raw }) => [raw],
    settings: tcp({ send: hex('GET /disconnect HTTP/1.1\r\n\r\n'), receive: [hex('200')] }),
    healthy: 0,
  },
];

/** How often hosts were looked at is left to the clock. */
const kindsOfFailure = (name: string): Step => {
  const names = ['attempt', 'success', 'failure', 'network_failure', 'passive_failure', 'verify_cluster'];
  const inner = stats(...names.map(stat => `cluster.${name}.health_check.${stat}`));
  return {
    name: `what was counted of checks of ${name}`,
    see: async place => {
      const seen = (await inner.see(place)) as Record<string, string>;
      return Object.fromEntries(Object.entries(seen).map(([stat, value]) => [stat, Number(value) > 0]));
    },
  };
};

const gauges = (name: string): Step =>
  stats(...membershipStats(name), `cluster.${name}.health_check.healthy`, `cluster.${name}.health_check.degraded`);

export const healthChecks: Scenario = {
  name: 'active health checks',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(judged.map(({ name }) => name)),
      clusters: judged.map(({ name, hosts, settings }) => cluster(name, hosts(ports), { ...calm, ...settings })),
    }),
  steps: judged.flatMap(({ name, healthy, degraded = 0 }) => [
    until(`cluster.${name}.membership_healthy`, healthy),
    until(`cluster.${name}.membership_degraded`, degraded),
    { ...statuses('/a', 4), name: `requests to ${name}`, see: (place: Place) => statuses(`/${name}/a`, 4).see(place) },
    gauges(name),
    health(name),
    kindsOfFailure(name),
  ]),
};

/** A check whose outcome changes while the proxy runs. */
const changing = check('/well', {}, { retriable_statuses: [{ start: 500, end: 600 }] });

export const changingHealth: Scenario = {
  name: 'health that changes',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/directly/', 'direct', { prefix_rewrite: '/' }),
        ...routesTo(['checked', 'immediate', 'ejected', 'elsewhere', 'unchecked']),
      ],
      clusters: [
        cluster('direct', [ports.raw]),
        cluster('checked', [ports.raw], { ...calm, ...changing }),
        cluster('immediate', [ports.httpbin], {
          ...calm,
          ...check('/status/200', { interval: '2s', no_traffic_interval: '2s' }),
        }),
        cluster('ejected', [ports.httpbin], {
          ...calm,
          ...check('/status/200'),
          outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100, base_ejection_time: '300s' },
        }),
        {
          ...cluster('elsewhere', [], { ...calm, ...check('/echo') }),
          load_assignment: {
            cluster_name: 'elsewhere',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: address(ports.httpbin), health_check_config: { port_value: ports.raw } } },
                ],
              },
            ],
          },
        },
        {
          ...cluster('unchecked', [], { ...calm, ...check('/echo') }),
          load_assignment: {
            cluster_name: 'unchecked',
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: address(ports.nobody),
                      health_check_config: { disable_active_health_check: true },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    }),
  steps: [
    until('cluster.checked.membership_healthy', 1),
    request('/checked/a'),
    request('/directly/ill'),
    until('cluster.checked.membership_healthy', 0),
    eventually('/checked/a', 503),
    health('checked'),
    request('/directly/heal'),
    until('cluster.checked.membership_healthy', 1),
    eventually('/checked/a', 200),
    health('checked'),
    until('cluster.immediate.membership_healthy', 1),
    request('/immediate/response-headers?x-envoy-immediate-health-check-fail=1'),
    until('cluster.immediate.membership_healthy', 0),
    request('/immediate/get', {}, 'after it said that it is not well'),
    health('immediate'),
    gauges('immediate'),
    kindsOfFailure('immediate'),
    until('cluster.ejected.membership_healthy', 1),
    request('/ejected/status/500'),
    until('cluster.ejected.outlier_detection.ejections_enforced_total', 1),
    until('cluster.ejected.outlier_detection.ejections_active', 0),
    eventually('/ejected/status/200', 200),
    health('ejected'),
    until('cluster.elsewhere.membership_healthy', 1),
    request('/elsewhere/status/404'),
    request('/unchecked/a'),
    health('unchecked'),
    gauges('unchecked'),
    kindsOfFailure('unchecked'),
  ],
};

/** What a check looks like on the wire. */
export const checkRequests: Scenario = {
  name: 'requests of health checks',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [route('/', 'direct')],
      clusters: [
        cluster('direct', [ports.raw]),
        cluster('plain', [ports.raw], check('/plain', { interval: '600s', no_traffic_interval: '600s' })),
        cluster('adorned', [ports.raw], {
          ...check(
            '/adorned?a=b',
            { interval: '600s', no_traffic_interval: '600s' },
            {
              ...{ host: 'checks.example.com', method: 'OPTIONS', send: hex('abc') },
              request_headers_to_add: [
                { header: { key: 'x-a', value: 'b' } },
                { header: { key: 'user-agent', value: 'mine' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
                { header: { key: 'x-host', value: '%UPSTREAM_HOST%' } },
              ],
            },
          ),
        }),
        cluster(
          'headed',
          [ports.raw],
          check('/headed', { interval: '600s', no_traffic_interval: '600s' }, { method: 'HEAD' }),
        ),
      ],
    }),
  steps: [request('/last')],
};

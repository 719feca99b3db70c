/** Hosts that fail: how they are found, taken out, and come back. */
import { type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { grownBy, health, membershipStats, routesTo, statuses, until } from './answers.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';
import { modify, typed } from './filters.ts';

type Json = Record<string, unknown>;

const kinds = [
  ...['consecutive_5xx', 'consecutive_gateway_failure', 'consecutive_local_origin_failure'],
  ...['success_rate', 'local_origin_success_rate', 'failure_percentage', 'local_origin_failure_percentage'],
];

const detection = (name: string): Step =>
  stats(
    ...[
      ...['active', 'enforced_total', 'overflow', 'total', 'consecutive_5xx', 'success_rate'],
      ...kinds.flatMap(kind => [`detected_${kind}`, `enforced_${kind}`]),
    ].map(stat => `cluster.${name}.outlier_detection.ejections_${stat}`),
    ...membershipStats(name),
    ...['lb_healthy_panic', 'upstream_cx_none_healthy'].map(stat => `cluster.${name}.${stat}`),
  );

const active = (name: string): string => `cluster.${name}.outlier_detection.ejections_active`;

/** Two hosts, of which httpbin does as the path says and the other always answers 200. */
const pair = (name: string, ports: Ports, detector: Json, more: Json = {}): Json =>
  cluster(name, [ports.httpbin, ports.raw], {
    outlier_detection: { max_ejection_percent: 50, ...detector },
    ...more,
  });

const consecutive = [
  ...['row', 'overflow', 'anyway', 'panic', 'gateway', 'unenforced', 'refused', 'split', 'silent', 'broken'],
  ...['returning', 'keyed', 'mixed', 'grpc'],
];

export const outliers: Scenario = {
  name: 'outlier detection by consecutive failures',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/silent/', 'silent', { prefix_rewrite: '/', timeout: '0.2s' }),
        ...routesTo(consecutive.filter(name => name !== 'silent')),
      ],
      clusters: [
        pair('row', ports, { consecutive_5xx: 2 }),
        pair('overflow', ports, { consecutive_5xx: 2, max_ejection_percent: 49 }),
        pair('anyway', ports, { consecutive_5xx: 2, max_ejection_percent: 0, always_eject_one_host: true }),
        pair('panic', ports, { consecutive_5xx: 2 }, { common_lb_config: { healthy_panic_threshold: { value: 51 } } }),
        pair('gateway', ports, { consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 }),
        pair('unenforced', ports, { consecutive_5xx: 2, enforcing_consecutive_5xx: 0 }),
        cluster('refused', [ports.nobody, ports.raw], {
          outlier_detection: { max_ejection_percent: 50, consecutive_5xx: 2 },
        }),
        cluster('split', [ports.nobody, ports.raw], {
          outlier_detection: {
            ...{ max_ejection_percent: 50, split_external_local_origin_errors: true },
            ...{ consecutive_5xx: 1, consecutive_local_origin_failure: 2 },
          },
        }),
        cluster('silent', [ports.raw], { outlier_detection: { max_ejection_percent: 100, consecutive_5xx: 2 } }),
        cluster('broken', [ports.raw], {
          outlier_detection: { max_ejection_percent: 100, consecutive_5xx: 2 },
          common_lb_config: { healthy_panic_threshold: { value: 0 } },
        }),
        pair('returning', ports, { consecutive_5xx: 2, interval: '0.2s', base_ejection_time: '0.6s' }),
        pair('keyed', ports, {}),
        cluster('mixed', [ports.httpbin], { outlier_detection: { max_ejection_percent: 100, consecutive_5xx: 2 } }),
        cluster('grpc', [ports.raw], { outlier_detection: { max_ejection_percent: 100, consecutive_5xx: 1 } }),
      ],
      bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
    }),
  steps: [
    statuses('/row/status/500', 4),
    until(active('row'), 1),
    statuses('/row/status/500', 6, 'after the ejection'),
    detection('row'),
    health('row'),
    statuses('/overflow/status/500', 8),
    until('cluster.overflow.outlier_detection.ejections_overflow', 2),
    detection('overflow'),
    statuses('/anyway/status/500', 4),
    until(active('anyway'), 1),
    detection('anyway'),
    // Which of the two is first is left to chance, and with that how many of the four find them in panic already.
    {
      ...statuses('/panic/status/500', 4),
      see: async place => void (await statuses('/panic/status/500', 4).see(place)),
    },
    until(active('panic'), 1),
    grownBy('cluster.panic.lb_healthy_panic', statuses('/panic/status/500', 6, 'in panic')),
    statuses('/gateway/status/503', 4),
    until(active('gateway'), 1),
    statuses('/gateway/status/503', 4, 'without the host that was ejected'),
    detection('gateway'),
    statuses('/unenforced/status/500', 8),
    detection('unenforced'),
    statuses('/refused/a', 4),
    until(active('refused'), 1),
    statuses('/refused/a', 4, 'without the host that refuses'),
    detection('refused'),
    statuses('/split/a', 4),
    until(active('split'), 1),
    detection('split'),
    health('split'),
    statuses('/silent/silent', 2),
    until(active('silent'), 1),
    statuses('/silent/a', 2, 'all ejected, in panic'),
    detection('silent'),
    statuses('/broken/disconnect', 2),
    until(active('broken'), 1),
    statuses('/broken/a', 2, 'all ejected, never in panic'),
    detection('broken'),
    statuses('/returning/status/500', 4),
    until(active('returning'), 1),
    until(active('returning'), 0),
    statuses('/returning/status/200', 4, 'after its return'),
    detection('returning'),
    health('returning'),
    statuses('/mixed/status/500', 1),
    statuses('/mixed/status/404', 1),
    { ...statuses('/mixed/status/500', 1), name: 'a failure, but not in a row' },
    detection('mixed'),
    modify('outlier_detection.consecutive_5xx=1'),
    statuses('/keyed/status/500', 2),
    until(active('keyed'), 1),
    detection('keyed'),
  ],
};

const compared = ['rate', 'percentage', 'few'];
/** The interval ends where it may: each still has enough requests. */
const volumes = { success_rate_request_volume: 4, failure_percentage_request_volume: 4 };
const hostNumbers = { success_rate_minimum_hosts: 2, failure_percentage_minimum_hosts: 2 };
const slowly = { interval: '1s', consecutive_5xx: 10_000 };

export const outliersByRate: Scenario = {
  name: 'outlier detection by rates',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: routesTo(compared),
      clusters: [
        pair('rate', ports, { ...slowly, ...volumes, ...hostNumbers, success_rate_stdev_factor: 500 }),
        pair('percentage', ports, {
          ...{ ...slowly, ...volumes, ...hostNumbers, enforcing_success_rate: 0, success_rate_stdev_factor: 5000 },
          ...{ enforcing_failure_percentage: 100, failure_percentage_threshold: 50 },
        }),
        pair('few', ports, { ...slowly, ...volumes, success_rate_stdev_factor: 500 }),
      ],
    }),
  steps: [
    statuses('/rate/status/500', 24),
    until(active('rate'), 1),
    detection('rate'),
    statuses('/percentage/status/500', 24),
    until(active('percentage'), 1),
    detection('percentage'),
    statuses('/few/status/500', 24),
    detection('few'),
  ],
};

/** A connection that is made is all that a TCP proxy knows of a host. */
export const tcpOutliers: Scenario = {
  name: 'outlier detection by connections of the TCP proxy',
  config: (ports, log) => {
    const configuration = bootstrap(ports, log, { routes: [], clusters: [] }) as { static_resources: Json };
    const proxy = typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: 'tcp',
      cluster: 'tcp',
    });
    configuration.static_resources = {
      listeners: [
        {
          name: 'main',
          address: address(ports.listener),
          filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxy }] }],
        },
      ],
      clusters: [
        cluster('tcp', [ports.nobody, ports.raw], {
          outlier_detection: { max_ejection_percent: 50, consecutive_5xx: 2 },
        }),
      ],
    };
    return configuration;
  },
  steps: [
    {
      name: 'connections until the host that refuses is ejected',
      see: async ({ ports }) => {
        for (let i = 0; i < 4; i++)
          await fetch(`http://127.0.0.1:${ports.listener}/a`, { headers: { connection: 'close' } }).then(
            response => response.arrayBuffer(),
            () => undefined,
          );
      },
    },
    until(active('tcp'), 1),
    detection('tcp'),
  ],
};

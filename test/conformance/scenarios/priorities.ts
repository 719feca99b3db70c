/** How load is spread over the priorities of a cluster, by the health that is told of its hosts. */
import { type Scenario, stats } from '../scenario.ts';
import { health, routesTo, share, statuses } from './answers.ts';
import { address, bootstrap, cluster } from './configuration.ts';

type Json = Record<string, unknown>;

const endpoints = (priority: number, hosts: [number, string, number?][]): Json => ({
  priority,
  lb_endpoints: hosts.map(([port, status, weight]) => ({
    endpoint: { address: address(port) },
    health_status: status,
    ...(weight && { load_balancing_weight: weight }),
  })),
});

const levels = (name: string, groups: Json[], policy: Json = {}, more: Json = {}): Json => ({
  ...cluster(name, [], more),
  load_assignment: { cluster_name: name, endpoints: groups, policy },
});

const spread = [
  ...['first', 'second', 'shared', 'factor', 'weights', 'degraded', 'draining', 'all-panic', 'none', 'timeout'],
];

/** httpbin answers 404 to `/a`, the other host 200. */
export const priorities: Scenario = {
  name: 'priorities and the health that is told',
  config: (ports, log) => {
    const { httpbin, raw, nobody } = ports;
    return bootstrap(ports, log, {
      routes: routesTo(spread),
      clusters: [
        levels('first', [endpoints(0, [[httpbin, 'HEALTHY']]), endpoints(1, [[raw, 'HEALTHY']])]),
        levels('second', [endpoints(0, [[httpbin, 'UNHEALTHY']]), endpoints(1, [[raw, 'UNKNOWN']])]),
        levels('shared', [
          endpoints(0, [
            [httpbin, 'HEALTHY'],
            [nobody, 'UNHEALTHY'],
          ]),
          endpoints(1, [[raw, 'HEALTHY']]),
        ]),
        levels(
          'factor',
          [
            endpoints(0, [
              [httpbin, 'HEALTHY'],
              [nobody, 'UNHEALTHY'],
            ]),
            endpoints(1, [[raw, 'HEALTHY']]),
          ],
          { overprovisioning_factor: 100 },
        ),
        levels(
          'weights',
          [
            endpoints(0, [
              [httpbin, 'HEALTHY', 1],
              [nobody, 'UNHEALTHY', 4],
            ]),
            endpoints(1, [[raw, 'HEALTHY']]),
          ],
          { weighted_priority_health: true },
        ),
        levels('degraded', [
          endpoints(0, [
            [httpbin, 'HEALTHY'],
            [raw, 'DEGRADED'],
            [nobody, 'UNHEALTHY'],
          ]),
        ]),
        levels('draining', [
          endpoints(0, [
            [httpbin, 'DRAINING'],
            [raw, 'HEALTHY'],
          ]),
        ]),
        levels('all-panic', [endpoints(0, [[httpbin, 'UNHEALTHY']]), endpoints(1, [[raw, 'UNHEALTHY']])]),
        levels(
          'none',
          [endpoints(0, [[raw, 'UNHEALTHY']])],
          {},
          {
            common_lb_config: { healthy_panic_threshold: { value: 0 } },
          },
        ),
        levels('timeout', [
          endpoints(0, [
            [httpbin, 'TIMEOUT'],
            [raw, 'HEALTHY'],
          ]),
        ]),
      ],
    });
  },
  steps: [
    statuses('/first/a', 10),
    statuses('/second/a', 10),
    share('/shared/a', 200, 0.3),
    share('/factor/a', 200, 0.5),
    share('/weights/a', 200, 0.72),
    share('/degraded/a', 200, 0.5),
    statuses('/draining/a', 10),
    share('/all-panic/a', 200, 0.5),
    statuses('/none/a', 2),
    statuses('/timeout/a', 4),
    ...spread.map(health),
    ...spread.map(name =>
      stats(
        ...[
          ...['membership_total', 'membership_healthy', 'membership_degraded', 'membership_excluded'],
          ...['membership_change', 'lb_healthy_panic', 'upstream_cx_none_healthy'],
        ].map(stat => `cluster.${name}.${stat}`),
      ),
    ),
  ],
};

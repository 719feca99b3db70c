/** The hosts of clusters in the configuration dump: those that are in use, with what is known of them. */
import { admin, type Scenario } from '../scenario.ts';
import { address, bootstrap, cluster } from './configuration.ts';
import { spreadOver, zone } from './localities.ts';

type Json = Record<string, unknown>;

const static_ = (name: string, endpoint: Json, more: Json = {}): Json => ({
  ...cluster(name, []),
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint, ...more }] }] },
});

const named = (name: string, type: string): Json => ({
  ...static_(name, { address: address(9, 'localhost') }),
  type,
  dns_lookup_family: 'V4_ONLY',
});

const clusters: Json[] = [
  static_('plain', { address: address(9) }),
  static_(
    'told',
    { address: address(9), hostname: 'häus', health_check_config: { port_value: 99, hostname: 'checked' } },
    {
      load_balancing_weight: 3,
      metadata: { filter_metadata: { 'envoy.lb': { größe: ['ö', 1, { deep: true }] }, other: { a: null } } },
    },
  ),
  static_('checked elsewhere', {
    address: address(9),
    health_check_config: { address: address(9, '127.0.0.2') },
  }),
  static_('checked here', { address: address(9), health_check_config: { port_value: 9 } }),
  spreadOver(
    'spread',
    [
      zone(
        'z',
        ['UNHEALTHY', 'DRAINING', 'DEGRADED', 'TIMEOUT', 'HEALTHY', 'UNKNOWN'].map((health_status, index) => [
          9 + index,
          { health_status },
        ]),
        { load_balancing_weight: 5 },
      ),
      zone('later', [1], { priority: 1 }),
      zone('a', [2]),
    ],
    {},
    { overprovisioning_factor: 200 },
  ),
  named('strict', 'STRICT_DNS'),
  named('logical', 'LOGICAL_DNS'),
  cluster('empty', []),
  { name: 'original', type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s' },
];

const endpoints = (body: string): unknown =>
  JSON.parse(body).configs.find((one: Json) => String(one['@type']).includes('EndpointsConfigDump'));

export const endpointsDump: Scenario = {
  name: 'endpoints in the configuration dump',
  config: (ports, log) => bootstrap(ports, log, { routes: [], clusters }),
  steps: [
    admin('/config_dump?include_eds', endpoints),
    admin('/config_dump?include_eds&name_regex=.*e.*', endpoints),
    admin('/config_dump?include_eds&resource=static_endpoint_configs&name_regex=strict', body => JSON.parse(body)),
    admin('/config_dump?include_eds&resource=dynamic_endpoint_configs', body => JSON.parse(body)),
  ],
};

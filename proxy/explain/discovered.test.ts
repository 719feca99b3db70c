/** What came while the proxy runs is told by its resource, and the path in it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { router, startExplained, filterTypes as types } from '../../test/fixtures/explained-proxy.ts';

const update = (version: string, type: string, resource: string): string =>
  `version_info: "${version}"\nresources:\n- "@type": type.googleapis.com/envoy.config.${type}\n${resource}`;

test('a listener, its routes, their cluster and its endpoints', { timeout: 60_000 }, async t => {
  const { ask, last } = await startExplained(t, 'all', (port, folder) => {
    const source = (kind: string) =>
      `{ path_config_source: { path: ${folder}/${kind}.yaml }, resource_api_version: V3 }`;
    return {
      'config.yaml': `
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
dynamic_resources: { lds_config: ${source('lds')}, cds_config: ${source('cds')} }`,
      'lds.yaml': update(
        '1',
        'listener.v3.Listener',
        `  name: main
  address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
  filter_chains:
  - filters:
    - name: http
      typed_config:
        "@type": ${types}.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: test
        rds: { route_config_name: table, config_source: ${source('rds')} }
        http_filters:
        - ${router}
`,
      ),
      'rds.yaml': update(
        '2',
        'route.v3.RouteConfiguration',
        `  name: table
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes:
    - match: { path: /other }
      direct_response: { status: 202 }
    - match: { prefix: / }
      route: { cluster: up }
`,
      ),
      'cds.yaml': update(
        '3',
        'cluster.v3.Cluster',
        `  name: up
  type: EDS
  eds_cluster_config: { service_name: service, eds_config: ${source('eds')} }
`,
      ),
      'eds.yaml': update(
        '4',
        'endpoint.v3.ClusterLoadAssignment',
        `  cluster_name: service
  endpoints:
  - priority: 1
    lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } }]
  - lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }]
`,
      ),
    };
  });
  assert.equal((await ask('/')).status, 200);
  const told = (await last()).decisions.map(({ by, origin }) => {
    const { type, name, version } = origin?.resource ?? { type: '', name: '', version: '' };
    return `${by}: ${type.split('.').at(-1)} ${name} ${version} ${origin?.path}`;
  });
  assert.deepEqual(told, [
    'listener: Listener main 1 ',
    'filter chain: Listener main 1 filter_chains[0]',
    'virtual host: RouteConfiguration table 2 virtual_hosts[0].domains[0]',
    'route: RouteConfiguration table 2 virtual_hosts[0].routes[1].match',
    'cluster: RouteConfiguration table 2 virtual_hosts[0].routes[1].route.cluster',
    'load balancer: Cluster up 3 ',
    'try: ClusterLoadAssignment service 4 endpoints[1].lb_endpoints[0]',
  ]);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ConfigDump, frozen } from './frozen.ts';

const type = (name: string) => `type.googleapis.com/envoy.${name}`;
const own = {
  node: { id: 'learner' },
  static_resources: { clusters: [{ name: 'control-plane' }] },
};
const ads = { config_source: { ads: {} } };
const listener = (name: string, rest: object = {}) => ({
  '@type': type('config.listener.v3.Listener'),
  name,
  filter_chains: [
    { filters: [{ typed_config: { stat_prefix: 'in', rds: { ...ads, route_config_name: name } } }], ...rest },
  ],
});

const dump = {
  configs: [
    {
      '@type': type('admin.v3.BootstrapConfigDump'),
      bootstrap: { ...own, dynamic_resources: { cds_config: { ads: {} } } },
    },
    {
      '@type': type('admin.v3.ClustersConfigDump'),
      dynamic_active_clusters: [
        { cluster: { '@type': type('config.cluster.v3.Cluster'), name: 'a', type: 'EDS', eds_cluster_config: {} } },
        { cluster: { name: 'b', type: 'EDS', eds_cluster_config: { service_name: 'hosts' } } },
        { cluster: { name: 'c', type: 'STRICT_DNS' } },
      ],
    },
    {
      '@type': type('admin.v3.EndpointsConfigDump'),
      dynamic_endpoint_configs: [
        {
          endpoint_config: {
            cluster_name: 'hosts',
            endpoints: [{ lb_endpoints: [1], load_balancing_weight: 0 }, { load_balancing_weight: 2 }],
          },
        },
      ],
    },
    {
      '@type': type('admin.v3.ListenersConfigDump'),
      dynamic_listeners: [
        { name: 'main', active_state: { listener: listener('main') } },
        { name: 'warming' },
        {
          active_state: {
            listener: listener('secret', {
              transport_socket: { typed_config: { common_tls_context: { tls_certificate_sds_secret_configs: [{}] } } },
            }),
          },
        },
      ],
    },
    {
      '@type': type('admin.v3.RoutesConfigDump'),
      dynamic_route_configs: [
        { route_config: { '@type': type('config.route.v3.RouteConfiguration'), name: 'main', virtual_hosts: [] } },
      ],
    },
  ],
} as unknown as ConfigDump;

describe('a frozen configuration', () => {
  it('has in it what came by xDS, and asks nobody', () => {
    assert.deepEqual(frozen(dump), {
      node: { id: 'learner' },
      static_resources: {
        clusters: [
          { name: 'control-plane' },
          { name: 'a', type: 'STATIC', load_assignment: { cluster_name: 'a' } },
          {
            name: 'b',
            type: 'STATIC',
            load_assignment: {
              cluster_name: 'hosts',
              endpoints: [{ lb_endpoints: [1] }, { load_balancing_weight: 2 }],
            },
          },
          { name: 'c', type: 'STRICT_DNS' },
        ],
        listeners: [
          {
            name: 'main',
            filter_chains: [
              {
                filters: [
                  {
                    typed_config: {
                      stat_prefix: 'in',
                      route_config: { validate_clusters: false, name: 'main', virtual_hosts: [] },
                    },
                  },
                ],
              },
            ],
          },
        ],
      },
    });
  });

  it('is the bootstrap where nothing comes by xDS', () => {
    const bootstrap = { node: { id: 'x' }, static_resources: {} };
    assert.deepEqual(frozen({ configs: [{ '@type': type('admin.v3.BootstrapConfigDump'), bootstrap }] }), bootstrap);
    assert.deepEqual(frozen({ configs: [] }), {});
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handleConfigDump } from './config-dump.ts';

const source = {
  loadedAt: new Date(0),
  dynamic: {
    listeners: { version: '', dynamic: [], failures: [] },
    clusters: { version: '', active: [], warming: [] },
    routes: [],
    scopes: [],
    secrets: { active: [], warming: [] },
    endpoints: [
      { name: 'a', addedViaApi: false, resolvesNames: false, overprovisioning: 140, localities: [] },
      { name: 'b', addedViaApi: false, resolvesNames: false, overprovisioning: 140, localities: [] },
    ],
  },
  document: {
    static_resources: {
      listeners: [
        {
          name: 'ingress',
          filter_chains: [
            {
              filters: [
                { name: 'hcm', typed_config: { '@type': 'x', route_config: { name: 'local', virtual_hosts: [] } } },
              ],
            },
          ],
        },
      ],
      clusters: [{ name: 'a', load_assignment: { cluster_name: 'a' } }, { name: 'b' }],
    },
    admin: { address: 'here' },
  },
};

const ask = (query: string) => handleConfigDump(source, new URLSearchParams(query));
const configs = (query: string) => JSON.parse(ask(query).body).configs;

test('all parts are there, in Envoy’s order', () => {
  const types = configs('').map((config: { '@type': string }) => config['@type'].split('.').at(-1));
  const wanted = ['Bootstrap', 'Clusters', 'Listeners', 'ScopedRoutes', 'Routes', 'Secrets'];
  assert.deepEqual(
    types,
    wanted.map(name => `${name}ConfigDump`),
  );
  assert.equal(configs('include_eds')[2].static_endpoint_configs[0].endpoint_config.cluster_name, 'a');
  assert.equal(configs('include_eds&name_regex=b')[2].static_endpoint_configs.length, 1);
});

test('resource, mask and name select', () => {
  assert.deepEqual(
    configs('resource=static_clusters').map((config: { cluster: { name: string } }) => config.cluster.name),
    ['a', 'b'],
  );
  assert.equal(configs('resource=static_clusters&name_regex=a').length, 1);
  assert.deepEqual(configs('mask=bootstrap.admin'), [
    { '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap: { admin: { address: 'here' } } },
  ]);
  assert.deepEqual(Object.keys(configs('resource=static_listeners&mask=listener.name')[0].listener), ['@type', 'name']);
});

test('bad parameters are refused in Envoy’s words', () => {
  assert.deepEqual([ask('resource=zz').status, ask('resource=zz').body], [404, 'zz not found in config dump']);
  assert.equal(
    ask('resource=bootstrap').body,
    'bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field',
  );
  assert.equal(ask('mask=zz').body, 'FieldMask zz could not be successfully applied to any configs.');
  assert.equal(ask('name_regex=(').body, 'INVALID_ARGUMENT: Error while parsing name_regex from (: missing ): (');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfiguration } from './load.ts';

const manager = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

function load(action: object): void {
  const route_config = {
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: action }] }],
  };
  const typed_config = { '@type': manager, stat_prefix: 'in', route_config };
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  const listeners = [{ address, filter_chains: [{ filters: [{ name: 'http', typed_config }] }] }];
  const clusters = [{ name: 'one', type: 'STATIC' }];
  loadConfiguration({ yaml: JSON.stringify({ static_resources: { listeners, clusters } }) });
}

test('the path is rewritten in one way only', () => {
  const regex_rewrite = { pattern: { regex: 'a' }, substitution: 'b' };
  load({ cluster: 'one', prefix_rewrite: '/' });
  load({ cluster: 'one', regex_rewrite });
  assert.throws(
    () => load({ cluster: 'one', prefix_rewrite: '/', regex_rewrite }),
    /route\.regex_rewrite: Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy$/,
  );
});

test('requests are mirrored to clusters that are there', () => {
  const to = (cluster: string) => ({ cluster: 'one', request_mirror_policies: [{ cluster }] });
  load(to('one'));
  assert.throws(() => load(to('two')), /request_mirror_policies\[0\]\.cluster: route: unknown shadow cluster 'two'/);
});

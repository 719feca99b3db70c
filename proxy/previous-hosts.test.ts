import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { loadConfiguration } from './configuration/load.ts';
import { DataPlane } from './data-plane.ts';
import { StatsStore } from './stats/store.ts';

const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const predicate = 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate';

test('a retry avoids the host that failed, with previous_hosts over RANDOM', { timeout: 20_000 }, async t => {
  const upstreams = [200, 500].map(status => createServer((_, answer) => answer.writeHead(status).end()));
  for (const one of upstreams) {
    await once(one.listen(0, '127.0.0.1'), 'listening');
    t.after(() => one.close(() => undefined).closeAllConnections());
  }
  const at = (port: number) => `{socket_address: {address: 127.0.0.1, port_value: ${port}}}`;
  const endpoints = upstreams.map(one => `{endpoint: {address: ${at((one.address() as AddressInfo).port)}}}`);
  const yaml = `
static_resources:
  listeners:
  - address: ${at(0)}
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          "@type": type.googleapis.com/${manager}
          stat_prefix: a
          route_config:
            virtual_hosts:
            - name: a
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route:
                  cluster: up
                  retry_policy:
                    retry_on: 5xx
                    num_retries: 1
                    retry_back_off: {base_interval: 0.001s}
                    host_selection_retry_max_attempts: 30
                    retry_host_predicate:
                    - name: envoy.retry_host_predicates.previous_hosts
                      typed_config: {"@type": type.googleapis.com/${predicate}}
          http_filters: [{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
  clusters:
  - name: up
    lb_policy: RANDOM
    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [${endpoints.join(', ')}]}]}
`;
  const store = new StatsStore();
  const plane = new DataPlane(loadConfiguration({ yaml }).bootstrap, { store, accessLog: () => undefined });
  await plane.start();
  t.after(() => plane.stop(0));
  const port = Number([...plane.listeners()][0]!.address.split(':')[1]);
  for (let i = 0; i < 40; i++) {
    const [response] = await once(request({ host: '127.0.0.1', port, agent: false }).end(), 'response');
    response.resume();
    assert.equal(response.statusCode, 200);
  }
  assert.ok(store.counter('cluster.up.upstream_rq_retry').value > 0);
});

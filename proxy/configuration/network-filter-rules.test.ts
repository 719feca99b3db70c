import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from './errors.ts';
import { loadConfiguration } from './load.ts';

type Json = Record<string, unknown>;

const filter = (name: string, said: Json = {}): Json => ({
  name: name.split('.')[0],
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.network.${name}`, ...said },
});
const echo = filter('echo.v3.Echo');
const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };

/** What is wrong with a chain of these filters; '' where nothing is. */
function problem(...filters: Json[]): string {
  const listeners = [{ address, filter_chains: [{ filters }] }];
  try {
    loadConfiguration({ yaml: JSON.stringify({ static_resources: { listeners } }) });
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.reason;
    throw error;
  }
}

const access = (policy: Json, name = 'p'): Json =>
  filter('rbac.v3.RBAC', {
    stat_prefix: 'a',
    rules: { policies: { [name]: { principals: [{ any: true }], ...policy } } },
  });

test('the filter that takes connections is the last one, and only the last one', () => {
  const allowing = access({ permissions: [{ any: true }] });
  assert.equal(problem(allowing, echo), '');
  assert.match(
    problem(allowing),
    /^Error: non-terminal filter named rbac of type envoy.filters.network.rbac is the last/,
  );
  assert.match(
    problem(echo, echo),
    /^Error: terminal filter named echo of type envoy.filters.network.echo must be the/,
  );
});

test('rules for connections look at no header, however deep it stands', () => {
  const header = { header: { name: 'a', present_match: true } };
  assert.match(
    problem(access({ permissions: [{ not_rule: { and_rules: { rules: [header] } } }] }), echo),
    /^Found header/,
  );
  assert.match(problem(access({ permissions: [{ any: true }], principals: [header] }), echo), /^Found header/);
  assert.equal(problem(access({ permissions: [{ any: true }] }, 'header'), echo), '');
});

test('limits say how much they let through', () => {
  assert.match(problem(filter('connection_limit.v3.ConnectionLimit', { stat_prefix: 'a' }), echo), /max_connections/);
  const fast = { stat_prefix: 'a', token_bucket: { max_tokens: 1, fill_interval: '0.04s' } };
  assert.match(problem(filter('local_ratelimit.v3.LocalRateLimit', fast), echo), /50ms/);
});

test('filters that ask a service name it, and what they ask can be printed', () => {
  assert.match(problem(filter('ext_authz.v3.ExtAuthz', { stat_prefix: 'a' }), echo), /^ext_authz has no service/);
  const service = { grpc_service: { envoy_grpc: { cluster_name: 'a' } }, transport_api_version: 'V3' };
  const asking = (value: string): Json =>
    filter('ratelimit.v3.RateLimit', {
      ...{ stat_prefix: 'a', domain: 'a', rate_limit_service: service },
      descriptors: [{ entries: [{ key: 'a', value }] }],
    });
  assert.equal(problem(asking('%CONNECTION_ID%'), echo), '');
  assert.match(problem(asking('%NONE%'), echo), /^Not supported field in StreamInfo: NONE/);
});

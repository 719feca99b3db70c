import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from './errors.ts';
import type { JsonObject } from './json.ts';
import { loadConfiguration } from './load.ts';

const typed = (type: string, more: JsonObject = {}): JsonObject => ({
  name: type,
  typed_config: { '@type': `type.googleapis.com/${type}`, ...more },
});
const header = typed('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: 'a' });
const address = typed('envoy.extensions.matching.common_inputs.network.v3.SourceIPInput');
const place = typed('envoy.extensions.matching.common_inputs.network.v3.SourceTypeInput');
const list = (test: JsonObject, on_match: JsonObject): JsonObject => ({
  matcher_list: { matchers: [{ predicate: { single_predicate: test }, on_match }] },
});
const toRoute = (route: JsonObject): JsonObject => ({ action: typed('envoy.config.route.v3.Route', route) });
const toChain = (value: string): JsonObject => ({ action: typed('google.protobuf.StringValue', { value }) });
const exact = { exact: 'b' };

/** A listener with these chains, one virtual host and one filter. */
function load({
  listener = {},
  chains = [{}],
  host = {},
  filter = {},
  network,
}: Record<string, JsonObject | JsonObject[]>) {
  const router = typed('envoy.extensions.filters.http.router.v3.Router');
  const manager = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'a',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], ...host }] },
    http_filters: [typed('envoy.extensions.filters.http.rbac.v3.RBAC', filter as JsonObject), router],
  });
  const judge = network ? [typed('envoy.extensions.filters.network.rbac.v3.RBAC', network as JsonObject)] : [];
  const filter_chains = (chains as JsonObject[]).map(chain => ({ filters: [...judge, manager], ...chain }));
  const socket_address = { address: '127.0.0.1', port_value: 1 };
  const listeners = [{ name: 'l', address: { socket_address }, filter_chains, ...listener }];
  loadConfiguration({ yaml: JSON.stringify({ static_resources: { listeners } }) });
}

test('matchers that make sense are taken', () => {
  const matcher = list({ input: header, value_match: exact }, toRoute({ match: { prefix: '/' }, redirect: {} }));
  load({
    host: { matcher },
    listener: { filter_chain_matcher: list({ input: address, value_match: exact }, toChain('a')) },
    chains: [{ name: 'a' }, { name: 'b' }],
  });
});

test('what Envoy refuses of matchers is refused in its words', () => {
  const chosen = { listener: { filter_chain_matcher: list({ input: address, value_match: exact }, toChain('a')) } };
  const odd = { safe_regex: { google_re2: {}, regex: '(' } };
  const range = { ranges: [{ address_prefix: 'here' }], on_match: toChain('a') };
  const ranges = typed('xds.type.matcher.v3.IPMatcher', { range_matchers: [range] });
  const names = typed('xds.type.matcher.v3.ServerNameMatcher');
  const cel = typed('xds.type.matcher.v3.CelMatcher', {
    expr_match: { parsed_expr: { expr: { call_expr: { function: 'f' } } } },
  });
  const input = typed('xds.type.matcher.v3.HttpAttributesCelMatchInput');
  const does = { action: typed('envoy.config.rbac.v3.Action', { name: 'a' }) };
  const forward = toRoute({ match: { prefix: '/' }, route: { cluster: 'nobody' } });
  const refused: [Parameters<typeof load>[0], RegExp][] = [
    [
      { ...chosen },
      /filter_chains\[0\]: error adding listener '127\.0\.0\.1:1': "name" field is required when using a listener matcher$/,
    ],
    [
      { ...chosen, chains: [{ name: 'a' }, { name: 'a' }] },
      /filter_chains\[1\]: .*"name" field is duplicated with value 'a'$/,
    ],
    [
      { host: { matcher: list({ input: header, value_match: exact }, forward) } },
      /on_match\.action\.typed_config\.route\.cluster: route: unknown cluster 'nobody'/,
    ],
    [
      {
        host: {
          matcher: list({ input: header, value_match: exact }, forward),
          routes: [{ match: { prefix: '/' }, redirect: {} }],
        },
      },
      /matcher: cannot set both matcher and routes on virtual host$/,
    ],
    [{ filter: { matcher: list({ input: header, value_match: odd }, does) } }, /safe_regex\.regex: missing \): \($/],
    [
      { filter: { matcher: { matcher_tree: { input: address, custom_match: ranges } } } },
      /ranges\[0\]\.address_prefix: malformed IP address: here$/,
    ],
    [
      { filter: { matcher: list({ input, custom_match: cel }, does) } },
      /expr_match\.parsed_expr: failed to create an expression: No overload found in reference resolve step for f$/,
    ],
    [
      {
        host: {
          matcher: list({ input: address, value_match: exact }, toRoute({ match: { prefix: '/' }, redirect: {} })),
        },
      },
      /single_predicate\.input: Route table can only match on request headers, saw type\.googleapis\.com\/.*SourceIPInput$/,
    ],
    [
      { host: { matcher: list({ input: header, value_match: exact }, toChain('a')) } },
      /on_match\.action: Didn't find a registered implementation for 'google\.protobuf\.StringValue' with type URL: /,
    ],
    [
      {
        ...{ listener: { filter_chain_matcher: list({ input: header, value_match: exact }, toChain('a')) } },
        chains: [{ name: 'a' }],
      },
      /filter_chain_matcher\..*\.input: Didn't find a registered implementation for '.*HttpRequestHeaderMatchInput'/,
    ],
    [
      { filter: { shadow_matcher: { matcher_tree: { input: place, exact_match_map: { map: { action: does } } } } } },
      /shadow_matcher\.matcher_tree\.input: RBAC HTTP filter cannot match on 'type\.googleapis\.com\/.*SourceTypeInput'$/,
    ],
    [
      { filter: { matcher: list({ input, value_match: exact }, does) } },
      /single_predicate\.input: Unsupported data input type: cel_data_input$/,
    ],
    [
      { filter: { matcher: list({ input: header, custom_match: names }, does) } },
      /custom_match: Didn't find a registered implementation for 'xds\.type\.matcher\.v3\.ServerNameMatcher'/,
    ],
    [
      {
        host: {
          typed_per_filter_config: {
            rbac: {
              ...{ '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute' },
              rbac: { matcher: { matcher_tree: { input: header, exact_match_map: { map: { b: toChain('a') } } } } },
            },
          },
        },
      },
      /rbac\.matcher\.matcher_tree\.exact_match_map\.map\.b\.action: Didn't find a registered implementation/,
    ],
    [
      { network: { stat_prefix: 'r', matcher: list({ input: header, value_match: exact }, does) } },
      /filters\[0\]\..*\.input: RBAC network filter cannot match 'type\.googleapis\.com\/.*HttpRequestHeaderMatchInput'$/,
    ],
  ];
  for (const [parts, message] of refused)
    assert.throws(
      () => load(parts),
      error => {
        assert.ok(error instanceof ConfigurationError);
        assert.match(error.message, message);
        return true;
      },
    );
});

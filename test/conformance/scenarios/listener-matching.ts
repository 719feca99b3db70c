/** Generic matchers of connections: which filter chain of a listener takes one, and whom a filter lets pass. */
import { type Place, request, type Scenario, stats } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { typed } from './filters.ts';
import { access, logLines, manager, network, talking } from './network-filters.ts';

type Json = Record<string, unknown>;

const extension = (type: string, configuration: Json = {}): Json => ({
  name: type,
  typed_config: typed(type, configuration),
});
const input = (name: string): Json => extension(`envoy.extensions.matching.common_inputs.network.v3.${name}Input`);
const entry = (asked: string, value_match: Json, on_match: Json): Json => ({
  predicate: { single_predicate: { input: input(asked), value_match } },
  on_match,
});
const list = (...matchers: Json[]): Json => ({ matcher_list: { matchers } });
const named = (value: string): Json => ({
  action: { name: value, typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value } },
});

const listeners = (
  ports: Place['ports'],
  log: string,
  chains: string[],
  filter_chain_matcher: Json,
  more: Json = {},
): Json => ({
  admin: { address: address(ports.admin) },
  static_resources: {
    listeners: [
      {
        name: 'main',
        address: address(ports.listener, '0.0.0.0'),
        stat_prefix: 'main',
        filter_chains: chains.map(name => ({ name, filters: [manager(name, log)] })),
        filter_chain_matcher,
        ...more,
      },
    ],
  },
});

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

export const chainMatchers: Scenario = {
  name: 'filter chains by a matcher',
  config: (ports, log) =>
    listeners(
      ports,
      log,
      ['first', 'range', 'narrow', 'type', 'port'],
      {
        ...list(
          entry('DestinationIP', { exact: '127.0.0.1' }, named('first')),
          entry('DestinationIP', { exact: '127.0.0.2' }, named('not there')),
          entry(
            'DestinationIP',
            { exact: '127.0.0.3' },
            {
              matcher: list(
                entry('ServerName', { safe_regex: { google_re2: {}, regex: '.*' } }, named('narrow')),
                entry('SourceType', { exact: 'local' }, named('type')),
              ),
            },
          ),
          entry(
            'DestinationIP',
            { exact: '127.0.0.4' },
            {
              matcher: {
                matcher_tree: {
                  input: input('SourceIP'),
                  custom_match: extension('xds.type.matcher.v3.IPMatcher', {
                    range_matchers: [
                      { ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }], on_match: named('range') },
                      { ranges: [{ address_prefix: '127.0.0.0', prefix_len: 24 }], on_match: named('narrow') },
                    ],
                  }),
                },
              },
            },
          ),
          entry(
            'DestinationIP',
            { exact: '127.0.0.5' },
            {
              matcher: {
                matcher_tree: {
                  input: input('DestinationPort'),
                  exact_match_map: { map: { [ports.listener]: named('port') } },
                },
              },
            },
          ),
          entry(
            'DestinationIP',
            { exact: '127.0.0.6' },
            {
              matcher: list(
                entry('TransportProtocol', { exact: 'tls' }, named('first')),
                entry('ApplicationProtocol', { contains: 'http' }, named('range')),
                entry('TransportProtocol', { exact: 'raw_buffer' }, named('type')),
              ),
            },
          ),
        ),
      },
      { default_filter_chain: { filters: [manager('default', log)] } },
    ),
  steps: [
    ...['first', 'a chain that is not there', 'a type', 'a range', 'a port', 'a protocol', 'no match'].map(
      (name, chain) => talking(name, { chain, send: get }),
    ),
    stats(
      'listener.main.no_filter_chain_match',
      ...['first', 'range', 'narrow', 'type', 'port', 'default'].map(name => `http.${name}.downstream_cx_total`),
    ),
  ],
};

export const soleChainMatcher: Scenario = {
  name: 'a matcher without a default filter chain',
  config: (ports, log) =>
    listeners(ports, log, ['only'], list(entry('DestinationIP', { exact: '127.0.0.1' }, named('only')))),
  steps: [
    request('/'),
    talking('no match', { chain: 1, send: get }),
    stats('listener.main.no_filter_chain_match', 'http.only.downstream_cx_total'),
  ],
};

const allow = (name: string, action?: string): Json => ({
  action: extension('envoy.config.rbac.v3.Action', { name, ...(action && { action }) }),
});

const telling =
  '%RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %DYNAMIC_METADATA(envoy.filters.network.rbac)% %DYNAMIC_METADATA(envoy.common)%\n';

export const connectionMatchers: Scenario = {
  name: 'access rules for connections by matchers',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          name: 'main',
          address: address(ports.listener, '0.0.0.0'),
          filter_chains: [
            {
              filters: [
                access('who', {
                  matcher: list(
                    entry('DestinationIP', { exact: '127.0.0.1' }, allow('first')),
                    entry('DestinationIP', { exact: '127.0.0.2' }, allow('second', 'DENY')),
                    entry('DestinationIP', { exact: '127.0.0.3' }, allow('third', 'LOG')),
                  ),
                  shadow_matcher: list(entry('SourceIP', { prefix: '127.' }, allow('planned', 'DENY'))),
                  shadow_rules_stat_prefix: 'planned_',
                }),
                network('tcp_proxy.v3.TcpProxy', {
                  stat_prefix: 'who',
                  cluster: 'raw',
                  access_log: [fileLog(log, telling)],
                }),
              ],
            },
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw])],
    },
  }),
  steps: [
    ...['allowed', 'denied', 'logged', 'no match'].map((name, chain) =>
      talking(name, { chain, send: 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n' }),
    ),
    stats(
      ...['allowed', 'denied', 'shadow_allowed', 'shadow_denied', 'planned_.shadow_denied'].map(
        name => `who.rbac.${name}`,
      ),
    ),
    logLines(4),
  ],
};

/** Hosts of a cluster that are spoken to in different ways, by what their metadata say. */
import { type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { health, routesTo, statuses, until } from './answers.ts';
import { address, cluster } from './configuration.ts';
import { noPorts } from './localities.ts';
import { chain, inspector } from './tls.ts';
import { authority, named, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const plain = {
  transport_socket: {
    name: 'raw',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
  },
};
const tls = spoken({ validation: { trusted_ca: authority, ...named('DNS', 'one.example') } });
const wrong = spoken({ validation: { trusted_ca: authority, ...named('DNS', 'two.example') } });

const matches = [
  { name: 'wrong', match: { mode: 'wrong' }, ...wrong },
  { name: 'mutual', match: { mode: 'tls', version: { a: 1, b: ['x'] } }, ...wrong },
  { name: 'encrypted', match: { mode: 'tls' }, ...tls },
];

/** A host, and what its metadata say. */
const host = (port: number, said?: Json, namespace = 'envoy.transport_socket_match'): Json => ({
  endpoint: { address: address(port) },
  ...(said && { metadata: { filter_metadata: { [namespace]: said } } }),
});

const over = (name: string, lb_endpoints: Json[], more: Json): Json => ({
  ...cluster(name, [], more),
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
});

const check = (kind: Json, more: Json = {}): Json => ({
  health_checks: [
    {
      ...{ timeout: '1s', interval: '0.2s', no_traffic_interval: '0.2s', unhealthy_threshold: 1, healthy_threshold: 1 },
      ...kind,
      ...more,
    },
  ],
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
});

const tcp = { tcp_health_check: {} };
const asking = {
  tcp_health_check: {
    send: { text: Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n').toString('hex') },
    receive: [{ text: Buffer.from('HTTP/1.1 200').toString('hex') }],
  },
};

/** Nobody answers in clear, the raw host does so only. */
const clusters = ({ raw, nobody }: Ports): Json[] => {
  const both = [host(nobody, { mode: 'tls' }), host(raw)];
  return [
    over('both', both, { transport_socket_matches: matches }),
    over('last', both, { transport_socket_matches: [...matches, { name: 'all', match: {}, ...plain }], ...tls }),
    over('own', [host(nobody), host(raw, { mode: 'no' })], {
      transport_socket_matches: [{ name: 'no', match: { mode: 'no' }, ...plain }],
      ...tls,
    }),
    over('nested', [host(nobody, { mode: 'tls', version: { b: ['x'], a: 1 }, more: true })], {
      transport_socket_matches: matches,
    }),
    over('elsewhere', [host(nobody, { mode: 'tls' }, 'envoy.lb')], { transport_socket_matches: matches }),
    over('checked', both, { transport_socket_matches: matches, ...check({ http_health_check: { path: '/' } }, {}) }),
    over('criteria', [host(raw)], {
      transport_socket_matches: matches,
      ...check({ http_health_check: { path: '/' } }, { transport_socket_match_criteria: { mode: 'tls' } }),
    }),
    over('tcp', both, { transport_socket_matches: matches, ...check(tcp) }),
    over('tcp-asking', [host(nobody, { mode: 'tls' })], { transport_socket_matches: matches, ...check(asking) }),
    over('tcp-wrong', [host(nobody, { mode: 'wrong' })], { transport_socket_matches: matches, ...check(asking) }),
  ];
};

const names = clusters(noPorts).map(({ name }) => String(name));

const healthy = (name: string, count: number): Step => until(`cluster.${name}.membership_healthy`, count);

export const socketMatches: Scenario = {
  name: 'transport sockets by metadata',
  config: (ports: Ports) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener) },
          filter_chains: [
            chain(
              'front',
              undefined,
              {},
              { route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: routesTo(names) }] } },
            ),
          ],
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody), listener_filters: [inspector] },
          filter_chains: [
            chain('back', { transport_protocol: 'tls' }, served({ certificates: ['one'] }), {
              route_config: {
                virtual_hosts: [
                  {
                    ...{ name: 'all', domains: ['*'] },
                    routes: [
                      { match: { prefix: '/own' }, direct_response: { status: 201 } },
                      { match: { path: '/' }, direct_response: { status: 200 } },
                      { match: { prefix: '/' }, direct_response: { status: 201 } },
                    ],
                  },
                ],
              },
            }),
          ],
        },
      ],
      clusters: clusters(ports),
    },
  }),
  steps: [
    healthy('checked', 2),
    healthy('criteria', 0),
    healthy('tcp', 2),
    healthy('tcp-asking', 1),
    ...names.map(name => statuses(`/${name}/own`, 4)),
    ...names.map(health),
    // Where a check has criteria of its own, each of its connections is counted.
    ...names
      .filter(name => name !== 'criteria')
      .map(name =>
        stats(
          ...['wrong', 'mutual', 'encrypted', 'all', 'no', 'default'].map(
            match => `cluster.${name}.${match}.total_match_count`,
          ),
          ...['ssl.handshake', 'ssl.fail_verify_san'].flatMap(stat =>
            /check|tcp/.test(name) ? [] : `cluster.${name}.${stat}`,
          ),
        ),
      ),
  ],
};

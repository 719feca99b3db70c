/** Whom encrypted connections to hosts are for: what requests call them, where the cluster says so. */
import { type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, route } from './configuration.ts';
import { chain, inspector } from './tls.ts';
import { authority, type Context, named, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const options = (said: Json): Json => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http_protocol_options: {} },
      upstream_http_protocol_options: said,
    },
  },
});

const trusting: Context = { validation: { trusted_ca: authority } };
const auto = { auto_sni: true };
const checked = { auto_san_validation: true };

const clusters: Record<string, [context: Context, said: Json]> = {
  sni: [{}, auto],
  'sni-over': [{ more: { sni: 'other.example' } }, auto],
  san: [trusting, checked],
  both: [trusting, { ...auto, ...checked }],
  header: [trusting, { ...auto, ...checked, override_auto_sni_header: 'x-name' }],
  matched: [{ validation: { trusted_ca: authority, ...named('DNS', 'two.example') } }, { ...auto, ...checked }],
  unverified: [{}, checked],
  neither: [{ more: { sni: 'other.example' } }, {}],
};

const names = Object.keys(clusters);
const hosts = [
  'one.example',
  'one.example:8443',
  'two.example',
  'b.wild.example',
  '127.0.0.1',
  '127.0.0.1:80',
  'ONE.example',
];

const asked = (name: string, host: string, more: string[] = []): Step =>
  request(`/${name}/own`, { headers: [`x-host: ${host}`, ...more] });

export const upstreamNames: Scenario = {
  name: 'names of hosts by requests',
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
              {
                route_config: {
                  virtual_hosts: [
                    {
                      ...{ name: 'all', domains: ['*'] },
                      routes: names.map(name =>
                        route(`/${name}/`, name, { prefix_rewrite: '/', host_rewrite_header: 'x-host' }),
                      ),
                    },
                  ],
                },
              },
            ),
          ],
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody), listener_filters: [inspector] },
          filter_chains: [
            chain('back', undefined, served({ certificates: ['one'] }), {
              route_config: {
                virtual_hosts: [
                  {
                    ...{ name: 'all', domains: ['*'] },
                    routes: [
                      {
                        match: { prefix: '/' },
                        direct_response: { status: 200 },
                        response_headers_to_add: [{ header: { key: 'x-sni', value: 'sni %REQUESTED_SERVER_NAME%' } }],
                      },
                    ],
                  },
                ],
              },
            }),
          ],
        },
      ],
      clusters: names.map(name => {
        const [context, said] = clusters[name]!;
        return cluster(name, [ports.nobody], { ...spoken(context), ...options(said) });
      }),
    },
  }),
  steps: [
    ...names.flatMap(name => hosts.map(host => asked(name, host))),
    // On the connections that are there: one for each name.
    ...names.map(name => ({ ...asked(name, 'one.example'), name: `${name}: one.example again` })),
    asked('header', 'two.example', ['x-name: one.example']),
    asked('header', 'one.example', ['x-name: two.example']),
    asked('header', 'one.example', ['x-name: one.example:1']),
    ...names.map(name =>
      stats(
        ...['upstream_cx_total', 'upstream_cx_connect_fail', 'ssl.fail_verify_san', 'ssl.fail_verify_error'].map(
          stat => `cluster.${name}.${stat}`,
        ),
      ),
    ),
  ],
};

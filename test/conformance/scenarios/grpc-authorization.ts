/** Permission asked of a service by gRPC (Envoy's ext_authz). */
import { once } from 'node:events';
import { type AuthorizationGrpcService, authorizationGrpcService } from '../authorization-grpc-service.ts';
import { data, end, get, headers, post } from '../frames.ts';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, overHttp2 } from './http2.ts';

const type = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
const perRoute = {
  'envoy.filters.http.ext_authz': {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
    check_settings: { context_extensions: { place: 'told', other: 'too' } },
  },
};
const log =
  '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%\n';

function scenario(name: string, more: Record<string, unknown>, steps: Step[]): Scenario {
  let open: AuthorizationGrpcService | undefined;
  return {
    name,
    config: (ports, file) =>
      bootstrap(ports, file, {
        routes: [
          { ...route('/told', 'raw', { prefix_rewrite: '/echo' }), typed_per_filter_config: perRoute },
          route('/', 'raw'),
        ],
        clusters: [cluster('raw', [ports.raw]), cluster('doors', [ports.nobody], overHttp2)],
        manager: {
          access_log: [fileLog(file, log)],
          http_filters: [
            {
              name: 'envoy.filters.http.ext_authz',
              typed_config: {
                '@type': type,
                transport_api_version: 'V3',
                grpc_service: {
                  ...{ envoy_grpc: { cluster_name: 'doors' }, timeout: '0.4s' },
                  initial_metadata: [{ key: 'x-told', value: '%REQ(:METHOD)% of %REQ(:AUTHORITY)%' }],
                },
                ...more,
              },
            },
            {
              name: 'envoy.filters.http.router',
              typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
            },
          ],
        },
      }),
    steps: [
      {
        name: 'the service is there',
        see: async ({ ports }) => {
          open = authorizationGrpcService();
          open.server.listen(ports.nobody, '127.0.0.1');
          await once(open.server, 'listening');
        },
      },
      ...steps,
      {
        name: 'what the service was told',
        see: async () => {
          open!.server.close();
          return open!.asked;
        },
      },
    ],
  };
}

const ask = (value: string, path = '/echo?a=1&b=2', more: string[] = []): Step =>
  request(path, { headers: [`x-ask: ${value}`, 'x-client: old', 'x-gone: x', ...more] }, `${path} ${value}`);

const counted = stats(
  ...['ok', 'denied', 'error', 'failure_mode_allowed', 'disabled'].map(name => `http.ingress.ext_authz.${name}`),
  ...['ok', 'denied', 'error'].map(name => `cluster.raw.ext_authz.${name}`),
  'cluster.raw.upstream_rq_401',
  'cluster.doors.upstream_rq_total',
);

export const grpcAuthorization: Scenario[] = [
  scenario('authorization by gRPC', {}, [
    ask('fine'),
    ask('nothing'),
    ask('no'),
    ask('denied'),
    ask('denied-twice'),
    ask('set'),
    ask('append'),
    ask('actions'),
    ask('replace'),
    ask('query'),
    ask('metadata'),
    ask('error'),
    ask('never'),
    ask('fine', '/told'),
    ask('fine', '/echo', [
      'x-twice: a',
      'x-twice: b',
      'x-envoy-downstream-service-cluster: shop',
      'x-high: caf\u00c3\u00a9',
    ]),
    request('/echo-body', { method: 'POST', body: 'hello', headers: ['x-ask: fine'] }),
    frames('HTTP/2', [headers(1, get('/echo', 'x-ask: fine'))]),
    frames('gRPC that is denied', [
      headers(1, post('/x', 'content-type: application/grpc', 'x-ask: denied'), 0),
      data(1, 'x', end),
    ]),
    counted,
    accessLog(18, line => line.replace(/("ext_authz_duration":)\d+/, '$1<ms>')),
  ]),
  scenario(
    'authorization by gRPC, with bodies',
    {
      with_request_body: { max_request_bytes: 10 },
      failure_mode_allow: true,
      failure_mode_allow_header_add: true,
      allowed_headers: { patterns: [{ prefix: 'x-' }, { exact: ':path' }] },
      disallowed_headers: { patterns: [{ exact: 'x-client' }] },
      enable_dynamic_metadata_ingestion: false,
    },
    [
      request('/echo-body', { method: 'POST', body: 'hello', headers: ['x-ask: fine'] }),
      request(
        '/echo-body',
        { method: 'POST', body: 'more than ten bytes', headers: ['x-ask: fine'] },
        'too long a body',
      ),
      ask('metadata'),
      ask('error'),
      ask('fine'),
      accessLog(5),
    ],
  ),
  scenario(
    'authorization by gRPC, with bodies as bytes',
    { with_request_body: { max_request_bytes: 100, pack_as_bytes: true }, include_tls_session: true },
    [request('/echo-body', { method: 'POST', body: 'h\u00e9llo', headers: ['x-ask: fine'] })],
  ),
];

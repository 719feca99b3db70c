/** The CORS filter. */
import { accessLog, type RequestOptions, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, typed } from './filters.ts';

type Json = Record<string, unknown>;

const policy = (said: Json): Json => typed('envoy.extensions.filters.http.cors.v3.CorsPolicy', said);
const off = typed('envoy.config.route.v3.FilterConfig', { disabled: true });
/** A route to an upstream that says nothing of origins itself, and what the route says. */
const telling = (prefix: string, name: string, said: Json): Json => ({
  ...route(prefix, 'raw'),
  typed_per_filter_config: { [name]: said },
});
/** A route with these origins and what else its policy says. */
const sharing = (prefix: string, origins: Json[], more: Json = {}): Json =>
  telling(prefix, 'cors', policy({ allow_origin_string_match: origins, ...more }));

const shop = 'origin: https://shop.example';
const stranger = 'origin: https://stranger.example';
const ours: Json[] = [{ exact: 'https://shop.example' }];
const never = { default_value: { numerator: 0 } };
const always = { default_value: { numerator: 100 } };

/** A request of a page of the shop, unless the headers name another origin. */
const simple = (path: string, origin = shop, more: RequestOptions = {}): Step =>
  request(path, { ...more, headers: [origin, ...(more.headers ?? [])] });
const preflight = (path: string, origin = shop, headers: string[] = []): Step =>
  request(path, { method: 'OPTIONS', headers: [origin, 'access-control-request-method: PUT', ...headers] });

export const crossOrigin: Scenario = {
  name: 'cross-origin requests',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'cors', typed_config: typed('envoy.extensions.filters.http.cors.v3.Cors') }),
        access_log: [fileLog(log, decisions)],
      },
      routeConfiguration: { typed_per_filter_config: { cors: policy({ max_age: '600' }) } },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          response_headers_to_add: [{ header: { key: 'x-level', value: 'host' } }],
          typed_per_filter_config: {
            cors: policy({ allow_origin_string_match: ours, allow_methods: 'GET,PUT', expose_headers: 'x-from-host' }),
          },
          routes: [
            sharing('/exact', ours, {
              allow_methods: 'PUT,DELETE',
              allow_headers: 'x-token,content-type',
              expose_headers: 'x-cost',
              max_age: '86400',
              allow_credentials: true,
            }),
            sharing('/prefix', [{ prefix: 'https://shop' }]),
            sharing('/regex', [{ safe_regex: { regex: 'https://[a-z]+\\.example' } }]),
            sharing('/several', [{ exact: 'https://a.example' }, { suffix: '.EXAMPLE', ignore_case: true }]),
            sharing('/any', [{ exact: '*' }], { allow_methods: '*', allow_headers: '*' }),
            sharing('/nobody', [{ exact: '' }]),
            sharing('/answered', ours, { forward_not_matching_preflights: false, allow_credentials: true }),
            sharing('/private', ours, { allow_private_network_access: true }),
            sharing('/public', ours, { allow_private_network_access: false, allow_credentials: false }),
            sharing('/never', ours, { filter_enabled: never }),
            sharing('/shadow', ours, { filter_enabled: never, shadow_enabled: always }),
            sharing('/shadow-too', ours, { filter_enabled: always, shadow_enabled: always }),
            sharing('/keyed', ours, { filter_enabled: { ...never, runtime_key: 'own.cors' } }),
            telling('/inherited', 'cors', policy({ allow_headers: 'x-token' })),
            telling('/untold', 'none', off),
            telling('/off', 'cors', off),
            {
              name: 'direct',
              match: { prefix: '/direct' },
              direct_response: { status: 200, body: { inline_string: 'direct' } },
            },
            route('/get', 'httpbin'),
            { name: 'moved', match: { prefix: '/moved' }, redirect: { path_redirect: '/get' } },
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('httpbin', [ports.httpbin])],
      bootstrap: {
        admin: { address: address(ports.admin) },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    }),
  steps: [
    request('/exact'),
    request('/exact', { headers: ['origin:'] }),
    simple('/exact'),
    simple('/exact', shop, { method: 'POST', body: 'abc' }),
    simple('/exact', stranger),
    simple('/exact', 'origin: HTTPS://SHOP.EXAMPLE'),
    request('/exact', { method: 'OPTIONS', headers: [shop] }, 'OPTIONS that asks for no method'),
    request('/exact', { method: 'OPTIONS', headers: ['access-control-request-method: PUT'] }, 'OPTIONS of no origin'),
    preflight('/exact'),
    preflight('/exact', shop, ['content-type: application/grpc']),
    preflight('/exact', stranger),
    simple('/prefix'),
    simple('/prefix', stranger),
    simple('/regex'),
    simple('/regex', 'origin: https://shop.example.evil'),
    simple('/several'),
    simple('/any', stranger),
    simple('/any', 'origin: null'),
    preflight('/any', stranger),
    preflight('/any', shop, ['access-control-request-headers: x-a, x-b']),
    preflight('/any', shop, ['access-control-request-headers: x-a', 'access-control-request-headers: x-b']),
    simple('/nobody'),
    preflight('/answered'),
    preflight('/answered', stranger),
    preflight('/private', shop, ['access-control-request-private-network: true']),
    preflight('/private', shop, ['access-control-request-private-network: TRUE']),
    preflight('/private'),
    preflight('/public', shop, ['access-control-request-private-network: true']),
    simple('/never'),
    preflight('/never'),
    simple('/shadow'),
    preflight('/shadow', stranger),
    simple('/shadow-too'),
    simple('/keyed'),
    modify('own.cors=100'),
    request('/keyed', { headers: [shop] }, 'switched on by the runtime'),
    simple('/inherited'),
    preflight('/inherited'),
    simple('/untold'),
    preflight('/untold'),
    simple('/off'),
    preflight('/off'),
    simple('/direct'),
    preflight('/direct'),
    simple('/moved'),
    simple('/nowhere'),
    request('/get', { headers: [shop] }, 'an upstream that speaks of origins too'),
    request('/get', { headers: [stranger] }, 'an upstream that trusts a stranger'),
    stats(
      'http.ingress.cors.origin_valid',
      'http.ingress.cors.origin_invalid',
      'http.ingress.downstream_rq_2xx',
      'cluster.raw.upstream_rq_total',
    ),
    accessLog(47),
  ],
};

/** The same by the fields of routes and virtual hosts, which are deprecated. */
const old = (prefix: string, said: Json): Json => route(prefix, 'raw', { cors: said });

export const deprecatedCrossOrigin: Scenario = {
  name: 'cross-origin requests by deprecated fields',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'cors', typed_config: typed('envoy.extensions.filters.http.cors.v3.Cors') }),
        access_log: [fileLog(log, decisions)],
      },
      virtualHosts: [
        {
          name: 'shared',
          domains: ['*'],
          cors: { allow_origin_string_match: ours, allow_methods: 'GET,PUT', expose_headers: 'x-from-host' },
          routes: [
            old('/exact', {
              allow_origin_string_match: ours,
              allow_methods: 'PUT',
              allow_credentials: true,
              max_age: '5',
            }),
            old('/regex', { allow_origin_string_match: [{ safe_regex: { regex: 'https://[a-z]+\\.example' } }] }),
            old('/inherited', { allow_headers: 'x-token' }),
            old('/never', { filter_enabled: never }),
            old('/shadow', { filter_enabled: never, shadow_enabled: always }),
            old('/keyed', { filter_enabled: { ...never, runtime_key: 'own.cors' } }),
            old('/answered', { forward_not_matching_preflights: false }),
            old('/private', { allow_private_network_access: true }),
            { ...old('/both', { allow_methods: 'PUT' }), typed_per_filter_config: { cors: policy({ max_age: '7' }) } },
            {
              match: { prefix: '/shares' },
              route: {
                cors: { allow_methods: 'PATCH' },
                weighted_clusters: { clusters: [{ name: 'raw', weight: 1 }] },
              },
            },
            route('/host', 'raw'),
          ],
        },
        { name: 'bare', domains: ['bare.example'], routes: [route('/', 'raw')] },
      ],
      clusters: [cluster('raw', [ports.raw])],
      bootstrap: {
        admin: { address: address(ports.admin) },
        layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] },
      },
    }),
  steps: [
    ...['/exact', '/regex', '/inherited', '/never', '/shadow', '/keyed', '/both', '/shares', '/host'].flatMap(path => [
      simple(path),
      preflight(path),
      simple(path, stranger),
    ]),
    modify('own.cors=100'),
    request('/keyed', { headers: [shop] }, 'switched on by the runtime'),
    preflight('/answered', stranger),
    preflight('/private', shop, ['access-control-request-private-network: true']),
    request('/host', { headers: [shop], host: 'bare.example' }, 'a host that says nothing'),
    stats('http.ingress.cors.origin_valid', 'http.ingress.cors.origin_invalid'),
    accessLog(31),
  ],
};

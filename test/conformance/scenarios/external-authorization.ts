/** External authorization by a service that speaks HTTP: what it is asked, and what becomes of its answers. */
import { accessLog, raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, modify, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.ext_authz.v3';
const names = (...matchers: Json[]): Json => ({ patterns: matchers });
const outcomes = (scope: string): string[] =>
  ['ok', 'denied', 'error', 'failure_mode_allowed', 'disabled', 'invalid'].map(name => `${scope}.ext_authz.${name}`);

interface Asking {
  /** The cluster that is asked. */
  service: string;
  http?: Json;
  filter?: Json;
  routes: Json[];
  bootstrap?: Json;
}

/** A filter that asks `service`, in front of the raw upstream and httpbin. */
const asking =
  ({ service, http = {}, filter = {}, routes, bootstrap: more = {} }: Asking): Scenario['config'] =>
  (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({
          name: 'door',
          typed_config: typed(`${filterType}.ExtAuthz`, {
            transport_api_version: 'V3',
            http_service: {
              server_uri: { uri: 'http://door.example:81/ignored', cluster: service, timeout: '0.3s' },
              ...http,
            },
            ...filter,
          }),
        }),
        access_log: [fileLog(log, decisions)],
      },
      routes,
      clusters: [
        cluster('service', [ports.httpbin]),
        cluster('raw', [ports.raw]),
        cluster('httpbin', [ports.httpbin]),
        cluster('nobody', [ports.nobody]),
      ],
      bootstrap: { admin: { address: address(ports.admin) }, ...more },
    });

const open = (prefix: string, clusterName: string, more: Json = {}): Json => ({
  ...route(prefix, clusterName, more),
  typed_per_filter_config: { door: typed(`${filterType}.ExtAuthzPerRoute`, { disabled: true }) },
});
const echoes = route('/', 'raw', { prefix_rewrite: '/echo' });
/** What reached the raw upstream since the last time: its lines in any order, since Envoy keeps them in a map. */
const last = (after: string): Step => ({
  name: `what the service was asked by: ${after}`,
  see: async place => {
    const { body } = (await request('/last').see(place)) as { body: string };
    return body.split('\r\n').sort();
  },
});

const decided: Scenario = {
  name: 'external authorization',
  config: asking({
    service: 'service',
    http: {
      authorization_response: {
        allowed_upstream_headers: names({ exact: 'x-user' }, { prefix: 'x-auth-' }),
        allowed_upstream_headers_to_append: names({ exact: 'x-more' }),
        allowed_client_headers_on_success: names({ exact: 'x-client' }),
      },
    },
    routes: [open('/off', 'raw', { prefix_rewrite: '/echo' }), echoes],
  }),
  steps: [
    request('/get'),
    request('/response-headers?x-user=ada&x-auth-a=1&x-other=2', { headers: ['x-user: eve', 'x-auth-b: 3'] }),
    request('/response-headers?x-user=ada', { headers: ['x-user: eve', 'x-user: mallory'] }),
    request('/response-headers?x-more=b&x-more=c', { headers: ['x-more: a'] }),
    request('/response-headers?x-more=b'),
    request('/response-headers?x-client=hello&x-else=1'),
    request('/response-headers?x-envoy-auth-headers-to-remove=x-secret,%20X-B%20,host,:path,x-none', {
      headers: ['x-secret: 1', 'x-b: 2', 'x-c: 3'],
    }),
    request('/status/201'),
    request('/status/204'),
    request('/status/302'),
    request('/status/400'),
    request('/status/401'),
    request('/status/403'),
    request('/status/404'),
    request('/status/429'),
    request('/status/500'),
    request('/status/503'),
    request('/delay/1'),
    request('/uuid', { method: 'POST', body: 'abc' }, 'the service does not know the method'),
    request('/anything', { method: 'POST', body: 'abc' }),
    request('/basic-auth/user/secret'),
    request('/basic-auth/user/secret', { headers: ['authorization: Basic dXNlcjpzZWNyZXQ='] }),
    request('/cookies/set?a=b'),
    request('/status/403', { headers: ['content-type: application/grpc'] }),
    request('/status/403', { method: 'HEAD' }),
    request('/status/503', { headers: ['content-type: application/grpc'] }),
    request('/off'),
    request('/off/status/403', { close: true }),
    stats(
      ...outcomes('http.ingress'),
      ...outcomes('cluster.raw'),
      ...outcomes('cluster.service'),
      'cluster.service.upstream_rq_total',
      'cluster.service.upstream_rq_4xx',
      'cluster.raw.upstream_rq_total',
      'cluster.raw.upstream_rq_4xx',
      'cluster.raw.upstream_rq_completed',
      'cluster.raw.internal.upstream_rq_4xx',
      'cluster.service.internal.upstream_rq_4xx',
      'cluster.service.upstream_rq_timeout',
    ),
    accessLog(28),
  ],
};

const asked: Scenario = {
  name: 'what external authorization asks',
  config: asking({
    service: 'raw',
    http: {
      path_prefix: '/check',
      authorization_request: {
        headers_to_add: [
          { key: 'x-from', value: 'proxy %REQ(:METHOD)%' },
          { key: 'x-empty', value: '' },
        ],
      },
    },
    filter: {
      allowed_headers: names({ prefix: 'x-a' }, { exact: 'cookie' }),
      disallowed_headers: names({ exact: 'x-ab' }),
    },
    routes: [open('/last', 'raw'), route('/', 'httpbin')],
  }),
  steps: [
    request('/get?a=b', {
      headers: [
        'x-a: 1',
        'x-a: 2',
        'x-ab: 3',
        'x-c: 4',
        'authorization: me',
        'cookie: a=b',
        'cookie: c=d',
        'x-forwarded-for: 1.2.3.4',
      ],
    }),
    last('question 1'),
    request('/post', { method: 'POST', body: 'abc', headers: ['x-a: 1', 'content-type: text/plain'] }),
    last('question 2'),
  ],
};

const plainlyAsked: Scenario = {
  name: 'what external authorization asks by itself',
  config: asking({ service: 'raw', routes: [open('/last', 'raw'), route('/', 'httpbin')] }),
  steps: [
    request('/get?a=b', { headers: ['x-a: 1', 'authorization: me', 'cookie: a=b', 'te: trailers'] }),
    last('question 4'),
    request('/post', { method: 'POST', body: 'abc', headers: ['expect: 100-continue'] }),
    last('question 5'),
  ],
};

const narrowed: Scenario = {
  name: 'which headers of a denial reach the client',
  config: asking({
    service: 'service',
    http: { authorization_response: { allowed_client_headers: names({ exact: 'access-control-allow-origin' }) } },
    routes: [echoes],
  }),
  steps: [
    request('/status/403'),
    request('/status/302'),
    request('/basic-auth/user/secret'),
    request('/cookies/set?a=b'),
    request('/image', { headers: ['accept: text/html'] }),
    request('/get'),
    accessLog(6),
  ],
};

const failing = (name: string, service: string, filter: Json): Scenario => ({
  name,
  config: asking({ service, filter, routes: [open('/off', 'raw'), echoes] }),
  steps: [
    request('/get'),
    request('/post', { method: 'POST', body: 'abc' }),
    request('/get', { headers: ['content-type: application/grpc'] }, 'gRPC'),
    request('/off'),
    stats(...outcomes('http.ingress'), ...outcomes('cluster.raw'), 'http.ingress.downstream_rq_4xx'),
    accessLog(4),
  ],
});

const checking = (prefix: string, settings: Json): Json => ({
  ...route(prefix, 'httpbin'),
  typed_per_filter_config: { door: typed(`${filterType}.ExtAuthzPerRoute`, { check_settings: settings }) },
});

const withBody = (name: string, body: Json): Scenario => ({
  name,
  config: asking({
    service: 'raw',
    filter: { with_request_body: body },
    routes: [
      open('/last', 'raw'),
      checking('/anything/without', { disable_request_body_buffering: true }),
      checking('/anything/more', { with_request_body: { max_request_bytes: 20 } }),
      route('/', 'httpbin'),
    ],
  }),
  steps: [
    request('/get'),
    last('question 6'),
    request('/post', { method: 'POST', body: 'abc' }),
    last('question 7'),
    request('/post', { method: 'POST', body: '0123456789' }, 'as much as may be'),
    last('question 8'),
    request('/post', { method: 'POST', body: '0123456789abc' }, 'more than that'),
    last('question 9'),
    raw(
      'chunks',
      'POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
    ),
    last('question 10'),
    raw(
      'chunks with trailers',
      'POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
    ),
    last('question 11'),
    request('/anything/without', { method: 'POST', body: '0123456789abc' }),
    last('question without a body'),
    request('/anything/more', { method: 'POST', body: '0123456789abc' }),
    last('question with more of a body'),
    stats(...outcomes('http.ingress'), 'http.ingress.downstream_rq_too_large'),
    accessLog(16),
  ],
});

const everything: Scenario = {
  name: 'authorization that may set a header that is no other',
  config: asking({
    service: 'service',
    http: {
      authorization_response: {
        allowed_upstream_headers: names({ safe_regex: { regex: 'host|authorization|te|x-[af].*' } }),
      },
    },
    routes: [echoes],
  }),
  steps: [
    request('/response-headers?x-a=1&host=other.example&authorization=me&te=trailers&x-forwarded-for=1.2.3.4'),
    request('/get', { method: 'POST', body: 'abc' }),
    request('/anything', { method: 'POST', body: 'abc' }),
  ],
};

const switched: Scenario = {
  name: 'external authorization by the runtime',
  config: asking({
    service: 'service',
    filter: {
      stat_prefix: 'door',
      filter_enabled: { default_value: { numerator: 100 }, runtime_key: 'door.on' },
      deny_at_disable: { default_value: false, runtime_key: 'door.deny' },
    },
    routes: [echoes],
    bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
  }),
  steps: [
    request('/status/403'),
    modify('door.on=0'),
    request('/status/403', {}, 'switched off'),
    modify('door.deny=true'),
    request('/status/403', {}, 'denied while switched off'),
    request('/get', {}, 'this one, too'),
    modify('door.on=100'),
    request('/get', {}, 'switched on'),
    stats(
      ...outcomes('http.ingress').map(name => name.replace('ext_authz.', 'ext_authz.door.')),
      ...outcomes('http.ingress'),
      ...outcomes('cluster.raw'),
      'cluster.raw.ext_authz.door.ok',
    ),
    accessLog(5),
  ],
};

const rerouted = (name: string, clears: boolean): Scenario => ({
  name,
  config: asking({
    service: 'service',
    http: { authorization_response: { allowed_upstream_headers: names({ exact: 'x-group' }) } },
    filter: { clear_route_cache: clears },
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'x-group', string_match: { exact: 'staff' } }] },
        direct_response: { status: 200, body: { inline_string: 'for the staff' } },
      },
      echoes,
    ],
  }),
  steps: [request('/response-headers?x-group=staff'), request('/response-headers?x-group=guest'), request('/get')],
});

export const externalAuthorization: Scenario[] = [
  decided,
  asked,
  plainlyAsked,
  narrowed,
  failing('an authorization service that is away', 'nobody', {}),
  failing('an authorization service that is away lets pass', 'nobody', { failure_mode_allow: true }),
  failing('an authorization service that is away lets pass and says so', 'nobody', {
    ...{ failure_mode_allow: true, failure_mode_allow_header_add: true },
  }),
  failing('an authorization service that is away, by a status', 'nobody', {
    status_on_error: { code: 'ServiceUnavailable' },
  }),
  withBody('authorization by the body', { max_request_bytes: 10 }),
  everything,
  switched,
  rerouted('authorization that leads elsewhere', true),
  rerouted('authorization that leads nowhere else', false),
];

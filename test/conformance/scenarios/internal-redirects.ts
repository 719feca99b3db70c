/** Redirects of hosts that the proxy follows itself. */

import { data, end, headers, post } from '../frames.ts';
import { accessLog, admin, type Ports, raw, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, typed } from './filters.ts';
import { frames } from './http2.ts';
import { b3, tracing, zipkin } from './tracing-configuration.ts';
import { traced } from './tracing-steps.ts';

const predicate = (name: string, config: Record<string, unknown> = {}) => {
  const words = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  const message = `${words[0]!.toUpperCase()}${words.slice(1)}Config`;
  return {
    name: `envoy.internal_redirect_predicates.${name}`,
    typed_config: {
      '@type': `type.googleapis.com/envoy.extensions.internal_redirect.${name}.v3.${message}`,
      ...config,
    },
  };
};

/** What the raw host answers: a redirect with this location. */
function redirectPath(
  prefix: string,
  location: string,
  more: { status?: string; lines?: string[]; answer?: string } = {},
): string {
  const { status = '302 Found', lines = [], answer = '' } = more;
  const said = {
    status,
    lines: [...(location === '' ? [] : [`location: ${location}`]), `content-length: ${answer.length}`, ...lines],
    pieces: answer === '' ? [] : [answer],
  };
  return `/say${prefix}?${encodeURIComponent(JSON.stringify(said))}`;
}

/** A request whose host redirects it, and the heads that came to hosts. */
function redirected(
  name: string,
  prefix: string,
  location: string,
  more: Parameters<typeof redirectPath>[2] & Parameters<typeof request>[1] = {},
): Step {
  return together(name, [request(redirectPath(prefix, location, more), more), request('/last', { host: 'last' })]);
}

const routeCounters = 'bad_location no_route predicate too_many_redirects unsafe_scheme';
const clusterNames = `upstream_internal_redirect_succeeded_total upstream_internal_redirect_failed_total upstream_rq_total upstream_rq_completed
upstream_rq_302 upstream_rq_200 upstream_cx_total upstream_rq_tx_reset upstream_rq_cancelled retry_or_shadow_abandoned upstream_rq_retry upstream_cx_destroy_local_with_active_rq upstream_cx_destroy`;
const counted = stats(
  ...routeCounters.split(' ').map(name => `http.ingress.passthrough_internal_redirect_${name}`),
  ...`downstream_rq_total downstream_rq_completed downstream_rq_3xx downstream_rq_2xx downstream_rq_active rq_total downstream_cx_active`
    .split(' ')
    .map(name => `http.ingress.${name}`),
  ...clusterNames.split(/\s+/).map(name => `cluster.raw.${name}`),
);
const format =
  '%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(X-ENVOY-ORIGINAL-URL)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %ROUTE_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESP(LOCATION)%\n';

function config(ports: Ports, log: string): unknown {
  const follow = (prefix: string, policy: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
    name: prefix,
    match: { path: `/say/${prefix}` },
    route: { cluster: 'raw', internal_redirect_policy: policy, ...more },
  });
  return bootstrap(ports, log, {
    manager: { access_log: [fileLog(log, format)] },
    virtualHosts: [
      {
        name: 'target',
        domains: ['target', 'target:81'],
        routes: [
          {
            name: 'loop',
            match: { path: '/say/loop' },
            route: { cluster: 'raw', ...{ internal_redirect_policy: { max_internal_redirects: 2 } } },
          },
          { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'answered here' } } },
          { name: 'target', ...route('/', 'raw') },
        ],
      },
      { name: 'last', domains: ['last'], routes: [route('/', 'raw')] },
      {
        name: 'here',
        domains: ['here'],
        routes: [
          follow('simple', {}),
          follow('codes', { redirect_response_codes: [301, 303, 307, 500] }),
          follow('cross', { allow_cross_scheme_redirect: true }),
          follow('safe', { allow_cross_scheme_redirect: true, predicates: [predicate('safe_cross_scheme')] }),
          follow('listed', { predicates: [predicate('allow_listed_routes', { allowed_route_names: ['target'] })] }),
          follow('unlisted', { predicates: [predicate('allow_listed_routes', { allowed_route_names: ['other'] })] }),
          follow('previous', { max_internal_redirects: 5, predicates: [predicate('previous_routes')] }),
          follow('twice', { max_internal_redirects: 2 }),
          follow('none', { max_internal_redirects: 0 }),
          follow('copy', { response_headers_to_copy: ['x-copied', 'x-cleared'] }),
          follow('retried', {}, { retry_policy: { retry_on: '5xx', num_retries: 2 } }),
          follow('rewritten', {}, { prefix_rewrite: '/say/other', host_rewrite_literal: 'other' }),
          {
            name: 'old',
            match: { path: '/say/old' },
            route: { cluster: 'raw', ...{ internal_redirect_action: 'HANDLE_INTERNAL_REDIRECT' } },
          },
          { name: 'off', match: { path: '/say/off' }, route: { cluster: 'raw' } },
          { name: 'else', ...route('/', 'raw') },
        ],
      },
    ],
    clusters: [cluster('raw', [ports.raw])],
  });
}

const here = { host: 'here' };

export const internalRedirects: Scenario[] = [
  {
    name: 'internal redirects',
    config,
    steps: [
      redirected('to a route of another host', '/simple', 'http://target/echo?a=b', here),
      redirected('whose answer has a body', '/simple', 'http://target/echo', { ...here, answer: 'Look there!' }),
      counted,
      redirected('with a port and a fragment', '/simple', 'http://target:81/echo#part', here),
      redirected('to no path', '/simple', 'http://target', here),
      redirected('to no path but a query', '/simple', 'http://target?a=b', here),
      redirected('to an answer of the proxy', '/simple', 'http://target/direct', here),
      redirected('relative', '/simple', '/echo', here),
      redirected('empty', '/simple', ' ', here),
      redirected('nonsense', '/simple', 'nonsense', here),
      redirected('another scheme by name', '/simple', 'ftp://target/echo', here),
      redirected('without a location', '/simple', '', here),
      redirected('to no route', '/simple', 'http://nowhere/', here),
      redirected('to https', '/simple', 'https://target/echo', here),
      counted,
      redirected('to https where that is allowed', '/cross', 'https://target/echo', here),
      redirected('to https where it is not safe', '/safe', 'https://target/echo', here),
      redirected('to a route that is listed', '/listed', 'http://target/echo', here),
      redirected('to a route that is not', '/unlisted', 'http://target/echo', here),
      redirected('a status that is not named', '/codes', 'http://target/echo', here),
      redirected('301', '/codes', 'http://target/echo', { ...here, status: '301 Moved' }),
      redirected('303 of POST', '/codes', 'http://target/echo-body', {
        ...here,
        status: '303 See Other',
        method: 'POST',
        body: 'hello',
      }),
      redirected('307 of POST', '/codes', 'http://target/echo-body', {
        ...here,
        status: '307 Temporary Redirect',
        method: 'POST',
        body: 'hello',
      }),
      redirected('500 named as a redirect', '/codes', 'http://target/echo', { ...here, status: '500 Wrong' }),
      redirected('POST', '/simple', 'http://target/echo-body', { ...here, method: 'POST', body: 'hello' }),
      redirected('HEAD', '/simple', 'http://target/echo', { ...here, method: 'HEAD' }),
      redirected('copied headers', '/copy', 'http://target/echo', {
        ...here,
        lines: ['x-copied: 1', 'x-copied: 2'],
        headers: ['x-copied: mine', 'x-cleared: mine', 'x-kept: mine'],
      }),
      redirected('followed by none', '/none', 'http://target/echo', here),
      redirected('after rewriting', '/rewritten', 'http://target/echo', here),
      redirected('the deprecated action', '/old', 'http://target/echo', here),
      redirected('no policy', '/off', 'http://target/echo', here),
      redirected('twice', '/twice', `http://here${redirectPath('/twice', 'http://target/echo')}`, here),
      redirected(
        'three times, of which two are allowed',
        '/twice',
        `http://here${redirectPath('/twice', `http://here${redirectPath('/twice', 'http://target/echo')}`)}`,
        here,
      ),
      redirected(
        'back to a route of before',
        '/previous',
        `http://here${redirectPath('/previous', `http://here${redirectPath('/previous', 'http://target/echo')}`)}`,
        here,
      ),
      redirected('with retries', '/retried', 'http://target/echo', here),
      redirected('with headers that clients may not send', '/simple', 'http://target/echo', {
        ...here,
        headers: ['x-envoy-original-url: mine', 'x-request-id: mine', 'x-forwarded-for: 1.2.3.4'],
      }),
      redirected('to close after it', '/simple', 'http://target/echo', {
        ...here,
        headers: ['connection: close'],
        close: true,
      }),
      counted,
      accessLog(93),
      admin('/clusters', body =>
        body
          .split('\n')
          .filter(line => /rq_(success|error|total)|cx_active/.test(line))
          .map(line => line.replace(/127.0.0.1:\d+/, '')),
      ),
    ],
  },
  {
    name: 'internal redirects and what surrounds them',
    config: (ports, log) => {
      const config = bootstrap(ports, log, {
        manager: {
          access_log: [
            fileLog(
              log,
              '%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT%\n',
            ),
          ],
          ...chain({
            name: 'headers',
            typed_config: typed('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
              mutations: {
                request_mutations: [
                  {
                    append: {
                      header: { key: 'x-passed', value: '%REQ(:PATH)%' },
                      append_action: 'APPEND_IF_EXISTS_OR_ADD',
                    },
                  },
                ],
                response_mutations: [
                  {
                    append: { header: { key: 'x-answered', value: 'once' }, append_action: 'APPEND_IF_EXISTS_OR_ADD' },
                  },
                ],
              },
            }),
          }),
          use_remote_address: true,
          via: 'one',
          strip_any_host_port: true,
          merge_slashes: true,
          upgrade_configs: [{ upgrade_type: 'websocket' }],
        },
        virtualHosts: [
          { name: 'tunnel', domains: ['tunnel'], routes: [route('/', 'host')] },
          {
            name: 'all',
            domains: ['*'],
            routes: [
              {
                match: { prefix: '/say/' },
                route: {
                  cluster: 'raw',
                  internal_redirect_policy: { redirect_response_codes: [302, 307], max_internal_redirects: 3 },
                  retry_policy: { retry_on: 'gateway-error', num_retries: 1 },
                },
              },
              {
                match: { prefix: '/once/' },
                route: { cluster: 'raw', prefix_rewrite: '/say/', internal_redirect_policy: {} },
              },
              route('/silent', 'raw', { timeout: '0.3s' }),
              route('/', 'raw'),
            ],
          },
        ],
        clusters: [cluster('raw', [ports.raw]), cluster('host', [ports.nobody])],
      });
      const { listeners } = config.static_resources as { listeners: Record<string, unknown>[] };
      for (const listener of listeners) listener.per_connection_buffer_limit_bytes = 1000;
      return config;
    },
    steps: [
      redirected('through the filters again', '/a', 'http://target:81//echo', here),
      redirected('to a time-out', '/a', 'http://target/silent', here),
      redirected('to one who disconnects', '/a', 'http://target/disconnect', here),
      raw(
        'a body in chunks with trailers',
        `POST ${redirectPath('/a', 'http://target/echo-body')} HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\nx-a: b\r\n\r\n`,
      ),
      redirected('a body as large as may be', '/a', 'http://target/echo-body', {
        ...here,
        method: 'POST',
        body: 'a'.repeat(1000),
      }),
      redirected('a body that is larger than may be', '/a', 'http://target/echo-body', {
        ...here,
        method: 'POST',
        body: 'a'.repeat(1500),
      }),
      request(
        redirectPath('/a', 'http://target/echo'),
        { ...here, headers: ['connection: upgrade', 'upgrade: websocket'] },
        'an upgrade',
      ),
      frames('by HTTP/2', [headers(1, post(redirectPath('/a', 'http://target/echo-body')), 0), data(1, 'hello', end)]),
      tunnel(
        'a client that leaves',
        `GET ${redirectPath('/a', 'http://tunnel/')} HTTP/1.1\r\nhost: here\r\n\r\n`,
        async ({ client, host }) => {
          const there = await host();
          await there.until('\r\n\r\n');
          client.reset();
          await there.over();
        },
      ),
      stats(
        ...`downstream_rq_total downstream_rq_rx_reset downstream_rq_completed downstream_rq_active`
          .split(' ')
          .map(name => `http.ingress.${name}`),
        ...'retry_or_shadow_abandoned upstream_internal_redirect_succeeded_total upstream_internal_redirect_failed_total upstream_rq_timeout upstream_rq_total'
          .split(' ')
          .map(name => `cluster.raw.${name}`),
      ),
      accessLog(21),
    ],
  },
  {
    name: 'internal redirects in traces',
    config: (ports, log) => {
      const config = tracing(ports, log, zipkin(), {}, {}) as {
        static_resources: {
          listeners: {
            filter_chains: {
              filters: { typed_config: { route_config: { virtual_hosts: { routes: unknown[] }[] } } }[];
            }[];
          }[];
        };
      };
      const [host] =
        config.static_resources.listeners[0]!.filter_chains[0]!.filters[0]!.typed_config.route_config.virtual_hosts;
      host!.routes.unshift({ match: { prefix: '/say/' }, route: { cluster: 'raw', internal_redirect_policy: {} } });
      return config;
    },
    steps: [
      traced('sampled', redirectPath('/a', 'http://target/echo'), { spans: 2 }),
      traced('with a caller', redirectPath('/a', 'http://target/echo'), { spans: 2, headers: b3('x-b3-sampled: 1') }),
      stats(
        'http.ingress.tracing.random_sampling',
        'http.ingress.tracing.not_traceable',
        'http.ingress.tracing.client_enabled',
      ),
      accessLog(4, line => line.replace(/[0-9a-f]{16,32}/g, '<id>')),
    ],
  },
];

/** Which cluster a request goes to when there are several: weights, shares by runtime, headers; and copies. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Place, raw, request, type Scenario, type Step, stats, together } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { modify } from './filters.ts';

/** Answers by header `x-version`, so that the chosen cluster is seen. */
const answers = (version: string) => ({
  response_headers_to_add: [{ header: { key: 'x-version', value: version } }],
});

/** A step: so many requests, and which versions answered, with how many each where `counted`. */
function versions(path: string, count: number, counted: (found: Record<string, number>) => unknown): Step {
  return {
    name: `${count} requests of ${path}`,
    see: async ({ ports }: Place) => {
      const found: Record<string, number> = {};
      for (let i = 0; i < count; i++) {
        const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`);
        await response.arrayBuffer();
        const version = response.headers.get('x-version') ?? String(response.status);
        found[version] = (found[version] ?? 0) + 1;
      }
      return counted(found);
    },
  };
}

const names = (found: Record<string, number>) => Object.keys(found).sort();
/** Within six standard deviations of that share. */
const about = (version: string, share: number) => (found: Record<string, number>) => {
  const count = Object.values(found).reduce((sum, one) => sum + one, 0);
  const expected = count * share;
  return Math.abs((found[version] ?? 0) - expected) <= 6 * Math.sqrt(expected * (1 - share)) + 1
    ? 'as it should'
    : found;
};

const weighted = (weights: Record<string, number>, more = {}) => ({
  weighted_clusters: {
    clusters: Object.entries(weights).map(([name, weight]) => ({ name, weight, ...answers(name) })),
    ...more,
  },
});

const fraction = (numerator: number, key = 'shift.share', denominator = 'HUNDRED') => ({
  runtime_fraction: { default_value: { numerator, denominator }, runtime_key: key },
});

export const shifting: Scenario = {
  name: 'traffic shifting',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        { match: { prefix: '/even' }, route: weighted({ v1: 1, v2: 1 }) },
        { match: { prefix: '/all' }, route: weighted({ v1: 100, v2: 0 }) },
        {
          match: { prefix: '/keyed' },
          route: weighted({ v1: 33, v2: 33, v3: 34 }, { runtime_key_prefix: 'shift.to' }),
        },
        { match: { prefix: '/chosen' }, route: weighted({ v1: 10, v2: 90 }, { header_name: 'x-number' }) },
        {
          match: { prefix: '/rewritten' },
          route: {
            prefix_rewrite: '/echo',
            weighted_clusters: {
              clusters: [
                {
                  name: 'v1',
                  weight: 1,
                  host_rewrite_literal: 'v1.example.com',
                  request_headers_to_add: [{ header: { key: 'x-level', value: 'cluster' } }],
                  request_headers_to_remove: ['x-gone'],
                  ...answers('v1'),
                },
              ],
            },
          },
          request_headers_to_add: [{ header: { key: 'x-level', value: 'route' } }],
          response_headers_to_add: [{ header: { key: 'x-version', value: 'route' } }],
        },
        { match: { prefix: '/share', ...fraction(100) }, route: { cluster: 'v2' }, ...answers('v2') },
        { match: { prefix: '/share' }, route: { cluster: 'v1' }, ...answers('v1') },
        {
          match: { prefix: '/tenth', ...fraction(1000, 'tenth', 'TEN_THOUSAND') },
          route: { cluster: 'v2' },
          ...answers('v2'),
        },
        { match: { prefix: '/tenth' }, route: { cluster: 'v1' }, ...answers('v1') },
        { match: { prefix: '/named' }, route: { cluster_header: 'x-cluster' } },
        {
          match: { prefix: '/named-404' },
          route: { cluster_header: 'x-cluster', cluster_not_found_response_code: 'NOT_FOUND' },
        },
        { match: { prefix: '/by-header' }, route: { cluster: 'v1', host_rewrite_header: 'x-host' } },
        {
          match: { prefix: '/by-path/' },
          route: {
            cluster: 'v1',
            host_rewrite_path_regex: { pattern: { regex: '^/by-path/([a-z]+).*$' }, substitution: '\\1.example.com' },
          },
        },
        route('/', 'v1'),
      ],
      clusters: ['v1', 'v2', 'v3'].map(name => cluster(name, [ports.raw])),
      bootstrap: {
        admin: { address: { socket_address: { address: '127.0.0.1', port_value: ports.admin } } },
        layered_runtime: {
          layers: [
            { name: 'static', static_layer: { tenth: { numerator: 1000, denominator: 'TEN_THOUSAND' } } },
            { name: 'admin', admin_layer: {} },
          ],
        },
      },
    }),
  steps: [
    versions('/even', 400, about('v2', 0.5)),
    versions('/all', 30, names),
    versions('/keyed', 400, about('v3', 0.34)),
    modify('shift.to.v1=0&shift.to.v2=100&shift.to.v3=0'),
    { ...versions('/keyed', 30, names), name: 'all to v2 by the runtime' },
    modify('shift.to.v1=1&shift.to.v2=0&shift.to.v3=1'),
    { ...versions('/keyed', 400, about('v1', 0.5)), name: 'other weights, another sum, by the runtime' },
    modify('shift.to.v1=&shift.to.v2=&shift.to.v3='),
    { ...versions('/keyed', 400, about('v2', 0.33)), name: 'the weights of the configuration again' },
    ...['0', '9', '10', '99', '100', '109', '110', 'x', '']
      .map(number => request('/chosen', { headers: [`x-number: ${number}`] }, `x-number ${number || 'empty'}`))
      .filter(({ name }) => !/x-number (x|empty)$/.test(name)),
    request('/rewritten/a', { headers: ['x-gone: 1'] }),
    versions('/share', 30, names),
    modify('shift.share=0'),
    { ...versions('/share', 30, names), name: 'no share by the runtime' },
    modify('shift.share=50'),
    { ...versions('/share', 400, about('v2', 0.5)), name: 'half by the runtime' },
    versions('/tenth', 600, about('v2', 0.1)),
    modify('tenth=x'),
    { ...versions('/tenth', 600, about('v2', 0.1)), name: 'a value that is no share' },
    request('/named', { headers: ['x-cluster: v2'] }),
    request('/named', { headers: ['x-cluster: nowhere'] }),
    request('/named'),
    request('/named-404', { headers: ['x-cluster: nowhere'] }),
    request('/by-header', { headers: ['x-host: other.example.com'] }),
    request('/by-header'),
    request('/by-path/abc/d?e=f'),
    stats('http.ingress.no_cluster', 'http.ingress.no_route', 'http.ingress.rq_total'),
  ],
};

const mirrorTo = (name: string, more = {}) => ({ request_mirror_policies: [{ cluster: name, ...more }] });

/** Waits until the mirror's answers are counted, then tells what its clusters counted. */
const mirrored = (...names: string[]): Step => ({
  name: `what the copies did (${names.join(', ')})`,
  see: async place => {
    await wait(300);
    return stats(...names.flatMap(name => copied.map(stat => `cluster.${name}.${stat}`))).see(place);
  },
});
const copied = [
  'upstream_rq_total',
  'upstream_rq_200',
  'upstream_rq_500',
  'upstream_rq_503',
  'upstream_rq_504',
  'upstream_rq_completed',
  'internal.upstream_rq_200',
  'internal.upstream_rq_500',
  'internal.upstream_rq_503',
  'internal.upstream_rq_completed',
  'external.upstream_rq_completed',
  'retry_or_shadow_abandoned',
  'upstream_cx_none_healthy',
  'upstream_rq_timeout',
];

/** What reached the upstream since this was last asked: the request and its copies, in any order. */
const arrived = (what: string): Step => ({
  name: `what arrived of ${what}`,
  see: async place => {
    await wait(200);
    return request('/last').see(place);
  },
});

export const mirroring: Scenario = {
  name: 'mirroring',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        route('/last', 'raw'),
        { match: { prefix: '/echo' }, route: { cluster: 'raw', ...mirrorTo('remembers') } },
        {
          match: { prefix: '/kept' },
          route: {
            cluster: 'raw',
            prefix_rewrite: '/echo',
            ...mirrorTo('remembers', { disable_shadow_host_suffix_append: true }),
          },
          request_headers_to_add: [{ header: { key: 'x-added', value: 'a' } }],
        },
        { match: { prefix: '/status/500' }, route: { cluster: 'httpbin', ...mirrorTo('failing') } },
        { match: { prefix: '/unanswered' }, route: { cluster: 'empty', ...mirrorTo('unasked') } },
        { match: { prefix: '/none' }, route: { cluster: 'raw', prefix_rewrite: '/echo', ...mirrorTo('empty') } },
        {
          match: { prefix: '/never' },
          route: {
            cluster: 'raw',
            prefix_rewrite: '/echo',
            ...mirrorTo('remembers', { runtime_fraction: { default_value: { numerator: 0 }, runtime_key: 'mirror' } }),
          },
        },
        {
          match: { prefix: '/silent' },
          route: { cluster: 'httpbin', prefix_rewrite: '/get', timeout: '0.2s', ...mirrorTo('silent') },
        },
        {
          match: { prefix: '/by-header' },
          route: { cluster: 'raw', prefix_rewrite: '/echo', request_mirror_policies: [{ cluster_header: 'x-mirror' }] },
        },
        {
          match: { prefix: '/two' },
          route: {
            cluster: 'raw',
            prefix_rewrite: '/echo',
            request_mirror_policies: [{ cluster: 'first' }, { cluster: 'second' }],
          },
        },
      ],
      clusters: [
        cluster('raw', [ports.raw]),
        cluster('httpbin', [ports.httpbin]),
        ...['remembers', 'first', 'second', 'unasked'].map(name => cluster(name, [ports.raw])),
        cluster('failing', [ports.httpbin]),
        cluster('silent', [ports.raw]),
        cluster('empty', []),
      ],
    }),
  steps: [
    request('/last', {}, 'nothing yet'),
    request('/echo/a'),
    arrived('GET /echo/a'),
    request('/echo/b', { method: 'POST', body: 'abc' }),
    arrived('POST /echo/b'),
    raw(
      'POST /echo in chunks',
      'POST /echo HTTP/1.1\r\nhost: example.com:80\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ),
    arrived('POST /echo in chunks'),
    request('/kept'),
    arrived('GET /kept'),
    mirrored('remembers'),
    request('/never'),
    request('/status/500'),
    mirrored('failing'),
    request('/none'),
    mirrored('empty'),
    request('/unanswered'),
    request('/unanswered', { method: 'POST', body: 'abc' }),
    mirrored('unasked'),
    request('/by-header', { headers: ['x-mirror: second'] }),
    request('/by-header', { headers: ['x-mirror: nowhere'] }),
    request('/by-header'),
    arrived('copies by header'),
    request('/two'),
    arrived('two copies'),
    mirrored('first', 'second'),
    together('nothing of it is the client’s', [
      stats('http.ingress.downstream_rq_completed', 'http.ingress.downstream_rq_5xx'),
    ]),
  ],
};

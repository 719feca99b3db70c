/** Policies that choose a host by a hash: both proxies have to choose the same one each time. */
import { type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { health, routesTo } from './answers.ts';
import { address, bootstrap, cluster } from './configuration.ts';
import { modify } from './filters.ts';

type Json = Record<string, unknown>;

/** A step: which host each of these requests came to: httpbin answers 404 to `/a`, the raw one 200, nobody 503. */
function hosts(name: string, path: string, requests: { headers?: Record<string, string>; query?: string }[]): Step {
  return {
    name,
    see: async ({ ports }) => {
      const found: number[] = [];
      for (const { headers = {}, query = '' } of requests) {
        const response = await fetch(`http://127.0.0.1:${ports.listener}${path}${query}`, { headers });
        await response.arrayBuffer();
        found.push(response.status);
      }
      return found.join(' ');
    },
  };
}

const many = (of: (index: number) => { headers?: Record<string, string>; query?: string }) =>
  Array.from({ length: 60 }, (_, index) => of(index));

const users = many(index => ({ headers: { 'x-user': `user-${index}` } }));

const by = {
  user: { header: { header_name: 'x-user' } },
  rewritten: {
    header: { header_name: 'x-user', regex_rewrite: { pattern: { regex: '-.*$' }, substitution: '' } },
  },
  query: { query_parameter: { name: 'user' } },
  address: { connection_properties: { source_ip: true } },
  cookie: { cookie: { name: 'user' } },
  path: { header: { header_name: ':path' } },
};

const three = (name: string, { httpbin, raw, nobody }: Ports, more: Json): Json =>
  cluster(name, [httpbin, raw, nobody], more);

const weighted = (name: string, { httpbin, raw }: Ports, more: Json): Json => ({
  ...cluster(name, [], more),
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: address(httpbin) }, load_balancing_weight: 3 },
          {
            endpoint: { address: address(raw) },
            load_balancing_weight: 1,
            metadata: { filter_metadata: { 'envoy.lb': { hash_key: 'second' } } },
          },
        ],
      },
    ],
  },
});

const ring = { lb_policy: 'RING_HASH' };
const maglev = { lb_policy: 'MAGLEV' };

const clusters = (ports: Ports): Json[] => [
  three('ring', ports, ring),
  three('maglev', ports, maglev),
  three('small', ports, { ...ring, ring_hash_lb_config: { minimum_ring_size: 10, maximum_ring_size: 20 } }),
  three('murmur', ports, { ...ring, ring_hash_lb_config: { hash_function: 'MURMUR_HASH_2' } }),
  three('table', ports, { ...maglev, maglev_lb_config: { table_size: 101 } }),
  weighted('heavy', ports, ring),
  weighted('heavy-maglev', ports, maglev),
  {
    ...cluster('levels', [], ring),
    load_assignment: {
      cluster_name: 'levels',
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: address(ports.httpbin) } },
            { endpoint: { address: address(ports.nobody) }, health_status: 'UNHEALTHY' },
          ],
        },
        { priority: 1, lb_endpoints: [{ endpoint: { address: address(ports.raw) } }] },
      ],
    },
  },
  three('panic', ports, { ...ring, common_lb_config: { healthy_panic_threshold: { value: 100 } } }),
];

const names = ['ring', 'maglev', 'small', 'murmur', 'table', 'heavy', 'heavy-maglev', 'levels', 'panic'];

const routed = (prefix: string, policies: Json[], more: Json = {}): Json => ({
  match: { prefix },
  route: { cluster: 'ring', prefix_rewrite: '/a', hash_policy: policies, ...more },
});

export const hashing: Scenario = {
  name: 'hosts by hashes',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        routed('/by-rewritten', [by.rewritten]),
        routed('/by-query', [by.query]),
        routed('/by-address', [by.address]),
        routed('/by-cookie', [by.cookie]),
        routed('/by-path', [by.path], { prefix_rewrite: '' }),
        routed('/by-both', [by.user, by.query]),
        routed('/by-first', [{ ...by.user, terminal: true }, by.query]),
        routed('/by-twice', [by.user, by.user]),
        ...routesTo(names, { hash_policy: [by.user] }),
      ],
      clusters: clusters(ports),
      bootstrap: { layered_runtime: { layers: [{ name: 'admin', admin_layer: {} }] } },
    }),
  steps: [
    ...names.map(name => hosts(`sixty users of ${name}`, `/${name}/a`, users)),
    hosts('by a rewritten header', '/by-rewritten', users),
    hosts(
      'by the query',
      '/by-query',
      many(index => ({ query: `?a=b&user=${index}%20x&user=c` })),
    ),
    hosts(
      'by the address',
      '/by-address',
      many(() => ({})),
    ),
    hosts(
      'by a cookie',
      '/by-cookie',
      many(index => ({ headers: { cookie: `a=b; user=${index % 2 ? `"${index}"` : index}; c=d` } })),
    ),
    hosts(
      'by the path',
      '/by-path',
      many(index => ({ query: `/${index}` })),
    ),
    hosts(
      'by two of them',
      '/by-both',
      many(index => ({ headers: { 'x-user': `${index % 3}` }, query: `?user=${index}` })),
    ),
    hosts(
      'by the first of them that there is',
      '/by-first',
      many(index => ({ headers: index % 2 ? { 'x-user': `${index % 3}` } : {}, query: `?user=${index}` })),
    ),
    hosts('by the same twice', '/by-twice', users),
    request('/ring/a', { headers: ['x-user: b', 'x-user: a'] }, 'two values'),
    request('/ring/a', { headers: ['x-user: a', 'x-user: b'] }, 'two values, the other way round'),
    ...['ring', 'small', 'heavy', 'levels'].map(name =>
      stats(
        ...['size', 'min_hashes_per_host', 'max_hashes_per_host'].map(stat => `cluster.${name}.ring_hash_lb.${stat}`),
      ),
    ),
    ...['maglev', 'table', 'heavy-maglev'].map(name =>
      stats(...['min_entries_per_host', 'max_entries_per_host'].map(stat => `cluster.${name}.maglev_lb.${stat}`)),
    ),
    stats('cluster.panic.lb_healthy_panic', 'cluster.levels.lb_healthy_panic', 'cluster.ring.lb_healthy_panic'),
    health('levels'),
    modify('a=b'),
  ],
};

/** The cookie that a proxy makes is of both ends of the connection: the client's port is another one each time. */
const cookieOnly: Step = {
  name: 'a cookie is made, and leads to the same host',
  see: async ({ ports }) => {
    const url = `http://127.0.0.1:${ports.listener}/made`;
    const first = await fetch(url);
    await first.arrayBuffer();
    const cookie = first.headers.get('set-cookie') ?? '';
    const found: number[] = [];
    for (let i = 0; i < 10; i++) {
      const response = await fetch(url, { headers: { cookie: cookie.split(';')[0]! } });
      await response.arrayBuffer();
      found.push(response.status, response.headers.getSetCookie().length);
    }
    return {
      made: cookie.replace(/"[0-9a-f]{16}"/, '"<hash>"'),
      same: found.every((value, index) => value === (index % 2 ? 0 : first.status)),
    };
  },
};

export const hashCookies: Scenario = {
  name: 'cookies for hashing',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        {
          match: { prefix: '/made' },
          route: {
            cluster: 'two',
            prefix_rewrite: '/a',
            hash_policy: [
              {
                cookie: {
                  ...{ name: 'host', ttl: '60s', path: '/p' },
                  attributes: [{ name: 'SameSite', value: 'Strict' }, { name: 'Secure' }],
                },
              },
            ],
          },
          response_headers_to_add: [{ header: { key: 'x-after', value: '1' } }],
        },
        {
          match: { prefix: '/session' },
          route: { cluster: 'two', prefix_rewrite: '/a', hash_policy: [{ cookie: { name: 'host', ttl: '0s' } }] },
        },
        {
          match: { prefix: '/refused' },
          route: { cluster: 'none', prefix_rewrite: '/a', hash_policy: [{ cookie: { name: 'host', ttl: '5s' } }] },
        },
      ],
      clusters: [cluster('two', [ports.httpbin, ports.raw], maglev), cluster('none', [ports.nobody], maglev)],
    }),
  steps: [
    cookieOnly,
    ...['/session', '/refused'].map(path => ({
      name: path,
      see: async ({ ports }: { ports: Ports }) => {
        const response = await fetch(`http://127.0.0.1:${ports.listener}${path}`);
        await response.arrayBuffer();
        return response.headers.getSetCookie().map(cookie => cookie.replace(/"[0-9a-f]{16}"/, '"<hash>"'));
      },
    })),
  ],
};

/** Settings of routes and of what holds them that few use. */
import { request, type Scenario, type Step, stats } from '../scenario.ts';
import { startScripted } from '../scripted-upstream.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';

type Json = Record<string, unknown>;

const named = (name: string, port: number, hostname: string): Json => ({
  name,
  connect_timeout: '1s',
  type: 'STATIC',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port), hostname } }] }],
  },
});

const renamed = (prefix: string, clusterName: string, more: Json = {}): Json =>
  route(prefix, clusterName, { prefix_rewrite: '/echo', auto_host_rewrite: true, ...more });

const hostNames: Scenario = {
  name: 'hosts by the names of endpoints',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        renamed('/named', 'named'),
        renamed('/forwarded', 'named', { append_x_forwarded_host: true }),
        renamed('/off', 'named', { auto_host_rewrite: false }),
        renamed('/nameless', 'raw'),
        route('/literal', 'raw', {
          prefix_rewrite: '/echo',
          host_rewrite_literal: 'literal.example',
          append_x_forwarded_host: true,
        }),
        renamed('/dns', 'dns'),
        renamed('/retried', 'named', {
          prefix_rewrite: '/disconnect',
          append_x_forwarded_host: true,
          retry_policy: { retry_on: 'reset', num_retries: 1 },
        }),
      ],
      clusters: [
        named('named', ports.raw, 'named.example'),
        cluster('raw', [ports.raw]),
        {
          ...cluster('dns', []),
          type: 'STRICT_DNS',
          load_assignment: {
            cluster_name: 'dns',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ports.raw, 'localhost') } }] }],
          },
          dns_lookup_family: 'V4_ONLY',
        },
      ],
    }),
  steps: [
    ...['/named', '/forwarded', '/off', '/nameless', '/literal', '/dns', '/retried'].map(path => request(path)),
    request('/last', {}, 'what the last ones were'),
  ],
};

const added = (value: string): Json => ({
  request_headers_to_add: [{ header: { key: 'x-by', value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
  response_headers_to_add: [{ header: { key: 'x-by', value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
});

const levels = (wins: boolean): Scenario => ({
  name: wins ? 'the most specific headers win' : 'the least specific headers win',
  config: (ports, log) =>
    bootstrap(ports, log, {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          ...added('host'),
          routes: [
            { ...route('/echo', 'raw'), ...added('route') },
            {
              match: { prefix: '/' },
              route: {
                prefix_rewrite: '/echo',
                weighted_clusters: { clusters: [{ name: 'raw', weight: 1, ...added('share') }] },
              },
              ...added('route'),
            },
          ],
        },
      ],
      routeConfiguration: { ...added('table'), most_specific_header_mutations_wins: wins },
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [request('/echo'), request('/share')],
});

const answering = (match: Json, body: string): Json => ({
  match,
  direct_response: { status: 200, body: { inline_string: body } },
});

const grpc = (type: string): Step => request('/grpc', { headers: [`content-type: ${type}`] });

const parameters: Scenario = {
  name: 'paths without their parameters, and gRPC alone',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [
        answering({ path: '/path' }, 'path'),
        answering({ path_separated_prefix: '/part' }, 'part'),
        answering({ safe_regex: { regex: '/regex/.' } }, 'regex'),
        answering({ prefix: '/grpc', grpc: {} }, 'grpc'),
        answering({ prefix: '/grpc' }, 'not grpc'),
        { match: { prefix: '/rewritten' }, route: { cluster: 'raw', prefix_rewrite: '/echo' } },
        answering({ prefix: '/prefix/a' }, 'prefix'),
      ],
      routeConfiguration: { ignore_path_parameters_in_path_matching: true },
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    ...['/path;a=b', '/path;a?b=;c', '/path?a;b', '/part;a/b', '/part/a;b', '/regex/a;b', '/regex/;a'].map(path =>
      request(path),
    ),
    ...['/rewritten;a=b?c', '/prefix;/a', '/part;a;b=c/d;e/f', '/prefix;x/a', '/prefix/a;'].map(path => request(path)),
    ...['application/grpc', 'application/grpc+proto', 'application/grpc-web', 'text/plain'].map(grpc),
  ],
};

const short = (name: string, more: Json = {}): Json => ({
  ...route(`/at/${name}/`, 'scripted', { retry_policy: { retry_on: '5xx' } }),
  ...more,
});

const copying: Json = {
  name: 'copies',
  domains: ['copies'],
  routes: [route('/own', 'raw', { request_mirror_policies: [{ cluster: 'own' }] }), route('/', 'raw')],
};

const limits: Scenario = {
  name: 'kept bodies and copies by their levels',
  beside: ports => startScripted(ports.nobody),
  config: (ports, log) =>
    bootstrap(ports, log, {
      virtualHosts: [
        copying,
        { ...copying, name: 'hosts', domains: ['hosts'], request_mirror_policies: [{ cluster: 'host' }] },
        {
          name: 'all',
          domains: ['*'],
          per_request_buffer_limit_bytes: 10,
          routes: [short('ten'), short('more', { per_request_buffer_limit_bytes: 20 })],
        },
      ],
      routeConfiguration: { request_mirror_policies: [{ cluster: 'table' }] },
      clusters: [
        cluster('scripted', [ports.nobody]),
        ...['raw', 'own', 'host', 'table'].map(name => cluster(name, [ports.raw])),
      ],
    }),
  steps: [
    ...[10, 11, 20, 21].flatMap(length =>
      ['ten', 'more'].map(name =>
        request(`/at/${name}/${length}/503,200`, { method: 'POST', body: 'x'.repeat(length) }),
      ),
    ),
    ...['copies', 'hosts'].flatMap(host => ['/own', '/b'].map(path => request(path, { host }, `${host} ${path}`))),
    stats(
      'cluster.scripted.retry_or_shadow_abandoned',
      'cluster.scripted.upstream_rq_retry',
      ...['own', 'host', 'table'].map(name => `cluster.${name}.upstream_rq_completed`),
    ),
  ],
};

export const routeSettings: Scenario[] = [hostNames, levels(true), levels(false), parameters, limits];

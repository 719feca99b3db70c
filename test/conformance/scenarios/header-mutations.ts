/** The header mutation filter. */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, decisions, typed } from './filters.ts';

type Json = Record<string, unknown>;

const filterType = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';

const append = (key: string, value: string, more: Json = {}): Json => ({ append: { header: { key, value }, ...more } });
const set = (key: string, value: string): Json => append(key, value, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' });
const replace = (key: string, value: string): Json => append(key, value, { append_action: 'OVERWRITE_IF_EXISTS' });
const addMissing = (key: string, value: string): Json => append(key, value, { append_action: 'ADD_IF_ABSENT' });
const remove = (name: string): Json => ({ remove: name });
const mutations = (request_mutations: Json[], response_mutations: Json[] = []): Json => ({
  mutations: { request_mutations, response_mutations },
});
const perRoute = (request_mutations: Json[], response_mutations: Json[] = []): Json => ({
  typed_per_filter_config: {
    first: typed(`${filterType}PerRoute`, mutations(request_mutations, response_mutations)),
    second: typed(`${filterType}PerRoute`, mutations([set('x-winner', 'route of the second')])),
  },
});
const changing = (prefix: string, request_mutations: Json[], response_mutations: Json[] = []): Json => ({
  ...route(prefix, 'raw'),
  ...perRoute(request_mutations, response_mutations),
});

export const headerMutations: Scenario = {
  name: 'header mutations',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(
          {
            name: 'first',
            typed_config: typed(
              filterType,
              mutations(
                [append('x-filter', 'first'), set('x-winner', 'filter'), remove('x-secret')],
                [append('x-filter', 'first'), set('x-winner', 'filter'), remove('x-upper-case')],
              ),
            ),
          },
          {
            name: 'second',
            typed_config: typed(filterType, { ...mutations([]), most_specific_header_mutations_wins: true }),
          },
        ),
        access_log: [fileLog(log, decisions)],
      },
      routeConfiguration: perRoute([append('x-order', 'configuration'), set('x-winner', 'configuration')]),
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          ...perRoute(
            [append('x-order', 'host'), set('x-winner', 'host')],
            [append('x-order', 'host'), set('x-winner', 'host')],
          ),
          routes: [
            changing(
              '/order',
              [append('x-order', 'route'), set('x-winner', 'route')],
              [append('x-order', 'route'), set('x-winner', 'route')],
            ),
            changing('/in-turn', [append('x-a', '1'), remove('x-a'), append('x-a', '2'), set('x-a', '3')]),
            changing('/back', [append('x-a', '1'), set('x-a', '2'), append('x-a', '3')]),
            changing('/replace', [replace('x-a', 'new'), replace('x-b', 'new')]),
            changing('/missing', [addMissing('x-a', 'new'), addMissing('x-b', 'new')]),
            changing('/formatted', [
              set('x-path', '%REQ(:PATH)%'),
              set('x-absent', '%REQ(X-NOT-THERE)%'),
              append('x-now', '%PROTOCOL% of %REQ(x-path)%'),
            ]),
            changing('/empty', [
              set('x-a', ''),
              append('x-b', ''),
              append('x-c', '', { keep_empty_value: true }),
              append('x-d', '%REQ(X-NOT-THERE)%', { keep_empty_value: true }),
            ]),
            changing('/inline', [
              append('user-agent', 'second'),
              append('x-request-id', 'second'),
              append('x-forwarded-for', '10.0.0.2'),
              append('accept', 'second'),
              append('authorization', 'second'),
              append('cookie', 'c=d'),
            ]),
            changing('/own', [], [set('server', 'mine'), set('date', 'never'), append('x-a', '%RESP(SERVER)%')]),
            changing('/case', [], [remove('set-cookie'), set('X-Mixed', 'case'), append('x-code', '%RESPONSE_CODE%')]),
            {
              name: 'direct',
              match: { prefix: '/direct' },
              direct_response: { status: 200, body: { inline_string: 'direct' } },
              response_headers_to_add: [{ header: { key: 'x-a', value: 'of the route' } }],
              ...perRoute([], [append('x-a', '%RESP(X-A)% and the filter'), set('content-type', 'text/html')]),
            },
            {
              ...route('/off', 'raw'),
              typed_per_filter_config: { first: typed('envoy.config.route.v3.FilterConfig', { disabled: true }) },
            },
            { ...route('/nobody', 'nobody'), ...perRoute([], [set('x-a', 'of a local reply')]) },
          ],
        },
      ],
      clusters: [cluster('raw', [ports.raw]), cluster('nobody', [ports.nobody])],
      bootstrap: { admin: { address: address(ports.admin) } },
    }),
  steps: [
    request('/order', { headers: ['x-secret: 1', 'X-Secret: 2', 'x-filter: client', 'x-winner: client'] }),
    request('/in-turn', { headers: ['x-a: 0', 'x-z: z'] }),
    request('/back', { headers: ['x-a: 0', 'x-z: z', 'x-a: 00'] }),
    request('/replace', { headers: ['x-a: 0', 'x-a: 1', 'x-z: z'] }),
    request('/missing', { headers: ['x-a: 0'] }),
    request('/formatted'),
    request('/empty'),
    request('/inline', {
      headers: [
        'user-agent: first',
        'x-forwarded-for: 10.0.0.1',
        'accept: first',
        'authorization: first',
        'cookie: a=b',
      ],
    }),
    request('/own'),
    request('/case'),
    request('/direct'),
    request('/off', { headers: ['x-secret: 1'] }),
    request('/nobody'),
    request('/nowhere'),
    stats('http.ingress.downstream_rq_2xx', 'cluster.raw.upstream_rq_total'),
    accessLog(14),
  ],
};

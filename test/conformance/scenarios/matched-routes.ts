/** A virtual host whose routes are found by a generic matcher. */
import { accessLog, request, type Scenario } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';

type Json = Record<string, unknown>;

const extension = (type: string, configuration: Json): Json => ({
  name: type,
  typed_config: typed(type, configuration),
});
const header = (header_name: string): Json =>
  extension('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name });
const to = (found: Json): Json => ({ action: extension('envoy.config.route.v3.Route', found) });
const toOneOf = (...routes: Json[]): Json => ({ action: extension('envoy.config.route.v3.RouteList', { routes }) });
const direct = (name: string, match: Json): Json => ({
  name,
  match,
  direct_response: { status: 200, body: { inline_string: name } },
});

export const matchedRoutes: Scenario = {
  name: 'routes by a matcher',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: { access_log: [fileLog(log, '%REQ(:PATH)% %ROUTE_NAME% %RESPONSE_FLAGS%\n')] },
      virtualHosts: [
        {
          name: 'matched',
          domains: ['*'],
          response_headers_to_add: [{ header: { key: 'x-level', value: 'host' } }],
          matcher: {
            matcher_tree: {
              input: header('x-kind'),
              exact_match_map: {
                map: {
                  one: to(direct('one', { prefix: '/a' })),
                  list: toOneOf(direct('exact', { path: '/a/b' }), direct('prefix', { prefix: '/a' })),
                  cluster: to({ ...route('/', 'httpbin', { prefix_rewrite: '/get' }), name: 'forwarded' }),
                  inner: {
                    matcher: {
                      matcher_list: {
                        matchers: [
                          {
                            predicate: {
                              single_predicate: { input: header(':method'), value_match: { exact: 'POST' } },
                            },
                            on_match: to(direct('posted', { prefix: '/' })),
                          },
                        ],
                      },
                    },
                  },
                },
              },
            },
            on_no_match: to(direct('else', { prefix: '/' })),
          },
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    ...['one', 'list', 'cluster', 'inner', 'other'].flatMap(kind =>
      ['/a', '/a/b', '/c'].map(path => request(path, { headers: [`x-kind: ${kind}`] })),
    ),
    request('/a', { method: 'POST', headers: ['x-kind: inner'] }),
    request('/none'),
    accessLog(17),
  ],
};

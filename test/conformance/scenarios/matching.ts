/** Generic matchers: of access control, of a listener's filter chains and of a virtual host's routes. */
import { accessLog, admin, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, telling, typed } from './filters.ts';

type Json = Record<string, unknown>;

const extension = (type: string, configuration: Json = {}): Json => ({
  name: type,
  typed_config: typed(type, configuration),
});
const header = (header_name: string): Json =>
  extension('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name });
const network = (name: string): Json => extension(`envoy.extensions.matching.common_inputs.network.v3.${name}Input`);
const is = (input: Json, value_match: Json): Json => ({ single_predicate: { input, value_match } });

const action = (name: string, does?: string): Json => ({
  action: extension('envoy.config.rbac.v3.Action', { name, ...(does && { action: does }) }),
});
const entry = (predicate: Json, on_match: Json): Json => ({ predicate, on_match });
const list = (...matchers: Json[]): Json => ({ matcher_list: { matchers } });

const judged = (prefix: string, rbac: Json): Json =>
  telling(prefix, 'rbac', typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac }));
const by = (prefix: string, matcher: Json): Json => judged(prefix, { matcher });

const isAdmin = is(header('x-role'), { exact: 'admin' });
const isGuest = is(header('x-role'), { prefix: 'GUEST', ignore_case: true });
const nested = (input: Json, map: Json): Json => ({ matcher: { matcher_tree: { input, exact_match_map: { map } } } });

/** Who is asked for nothing but its address. */
const ranges = (...range_matchers: Json[]): Json => ({
  matcher_tree: {
    input: network('SourceIP'),
    custom_match: extension('xds.type.matcher.v3.IPMatcher', { range_matchers }),
  },
});
const range = (address_prefix: string, prefix_len: number, on_match: Json, more: Json = {}): Json => ({
  ranges: [{ address_prefix, prefix_len }],
  on_match,
  ...more,
});

export const matchedAccess: Scenario = {
  name: 'access control by matchers',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'rbac', typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC') }),
        access_log: [
          fileLog(
            log,
            '%REQ(:PATH)% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%\n',
          ),
        ],
        use_remote_address: false,
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            by('/list', list(entry(isAdmin, action('admins')), entry(isGuest, action('guests', 'DENY')))),
            by('/otherwise', { ...list(entry(isGuest, action('guests', 'DENY'))), on_no_match: action('others') }),
            by('/logged', list(entry(isAdmin, action('admins', 'LOG')))),
            by(
              '/and',
              list(entry({ and_matcher: { predicate: [isAdmin, is(header('x-a'), { exact: 'b' })] } }, action('a'))),
            ),
            by(
              '/or',
              list(entry({ or_matcher: { predicate: [isAdmin, is(header('x-a'), { exact: 'b' })] } }, action('a'))),
            ),
            by('/not', list(entry({ not_matcher: isAdmin }, action('a')))),
            by('/missing', list(entry({ not_matcher: is(header('x-none'), { exact: 'a' }) }, action('a')))),
            by(
              '/regex',
              list(entry(is(header(':path'), { safe_regex: { google_re2: {}, regex: '/regex/[0-9]+' } }), action('a'))),
            ),
            by('/exact', {
              matcher_tree: {
                input: header('x-role'),
                exact_match_map: { map: { admin: action('a'), guest: action('g', 'DENY') } },
              },
              on_no_match: action('others'),
            }),
            by('/prefix', {
              matcher_tree: {
                input: header(':path'),
                prefix_match_map: {
                  map: {
                    '/prefix/a': action('short'),
                    '/prefix/a/b': action('long', 'DENY'),
                    '/prefix/a/b/c': nested(header('x-role'), { admin: action('longest') }),
                  },
                },
              },
            }),
            by('/nested', {
              ...list(
                entry(isAdmin, nested(header('x-a'), { b: action('both') })),
                entry(is(header('x-role'), { contains: 'dmi' }), action('second')),
              ),
              on_no_match: action('none', 'DENY'),
            }),
            by('/first', list(entry(isAdmin, nested(header('x-a'), { b: action('both') })))),
            by('/ranges', {
              ...ranges(
                range('10.0.0.0', 8, action('ten')),
                range('10.1.0.0', 16, nested(header('x-role'), { admin: action('admin of ten') })),
                range('10.1.2.0', 24, nested(header('x-role'), { none: action('nobody') })),
                range('192.168.0.0', 16, action('wide'), { exclusive: true }),
                range('192.168.1.0', 24, nested(header('x-role'), { admin: action('narrow') })),
              ),
              on_no_match: action('elsewhere', 'DENY'),
            }),
            by('/direct', list(entry(is(network('DirectSourceIP'), { exact: '127.0.0.1' }), action('direct')))),
            by('/source', list(entry(is(network('SourceIP'), { exact: '10.1.2.3' }), action('source')))),
            by('/port', list(entry(is(network('DestinationPort'), { exact: String(ports.listener) }), action('port')))),
            by('/destination', list(entry(is(network('DestinationIP'), { prefix: '127.' }), action('destination')))),
            by('/server-name', list(entry({ not_matcher: is(network('ServerName'), { exact: 'a' }) }, action('name')))),
            by(
              '/ip',
              list(
                entry(
                  {
                    single_predicate: {
                      input: network('SourceIP'),
                      custom_match: extension('envoy.extensions.matching.input_matchers.ip.v3.Ip', {
                        cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
                        stat_prefix: 'ip',
                      }),
                    },
                  },
                  action('ip'),
                ),
              ),
            ),
            by(
              '/expression',
              list(
                entry(
                  {
                    single_predicate: {
                      input: extension('xds.type.matcher.v3.HttpAttributesCelMatchInput'),
                      custom_match: extension('xds.type.matcher.v3.CelMatcher', {
                        expr_match: {
                          parsed_expr: {
                            expr: {
                              call_expr: {
                                function: '_==_',
                                args: [
                                  { select_expr: { operand: { ident_expr: { name: 'request' } }, field: 'method' } },
                                  { const_expr: { string_value: 'GET' } },
                                ],
                              },
                            },
                          },
                        },
                      }),
                    },
                  },
                  action('expression'),
                ),
              ),
            ),
            judged('/shadow', { shadow_matcher: list(entry(isAdmin, action('admins'))) }),
            judged('/both', {
              rules: { policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } },
              matcher: list(entry(isAdmin, action('admins'))),
            }),
            judged('/log', {
              rules: {
                action: 'LOG',
                policies: { some: { permissions: [{ any: true }], principals: [isRole('admin')] } },
              },
            }),
            route('/', 'httpbin'),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    ...[
      ...['/list', '/otherwise', '/logged', '/and', '/or', '/not', '/missing', '/regex/1', '/regex/x', '/exact'],
      ...['/prefix/a', '/prefix/a/b', '/prefix/a/b/c', '/nested', '/first', '/direct', '/port'],
      ...['/destination', '/server-name', '/shadow', '/both', '/log'],
    ].flatMap(path => [
      request(path),
      request(path, { headers: ['x-role: admin'] }),
      request(path, { headers: ['x-role: guest'] }),
      request(path, { headers: ['x-role: admin', 'x-a: b'] }),
    ]),
    ...['10.9.9.9', '10.1.9.9', '10.1.2.3', '192.168.9.9', '192.168.1.9', '172.16.0.1'].flatMap(from => [
      request('/ranges', { headers: [`x-forwarded-for: ${from}`, 'x-role: admin'] }),
      request('/ranges', { headers: [`x-forwarded-for: ${from}`] }),
      request('/source', { headers: [`x-forwarded-for: ${from}`] }),
      request('/ip', { headers: [`x-forwarded-for: ${from}`] }),
    ]),
    request('/expression'),
    request('/expression', { method: 'POST' }),
    stats(...['allowed', 'denied', 'shadow_allowed', 'shadow_denied'].map(name => `http.ingress.rbac.${name}`)),
    accessLog(96),
  ],
};

const statistics: Json = {
  '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
  track_per_rule_stats: true,
  rules_stat_prefix: 'own',
  shadow_rules_stat_prefix: 'planned.',
  rules: {
    policies: {
      'the admins': { permissions: [{ any: true }], principals: [isRole('admin')] },
      guests: { permissions: [{ any: true }], principals: [isRole('guest')] },
    },
  },
  shadow_rules: {
    action: 'DENY',
    policies: { guests: { permissions: [{ any: true }], principals: [isRole('guest')] } },
  },
};

export const policyStatistics: Scenario = {
  name: 'statistics of policies',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'rbac', typed_config: statistics }),
        access_log: [fileLog(log, '%REQ(:PATH)% %DYNAMIC_METADATA(envoy.filters.http.rbac)%\n')],
      },
      routes: [
        judged('/quiet', { rules: statistics.rules }),
        judged('/other', {
          rules: statistics.rules,
          shadow_rules: statistics.shadow_rules,
          rules_stat_prefix: 'route',
          shadow_rules_stat_prefix: 'shadow_of_route',
          track_per_rule_stats: true,
        }),
        route('/', 'httpbin'),
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    ...['/get', '/get/again', '/quiet', '/other'].flatMap(path =>
      ['admin', 'guest', 'nobody'].map(name => request(path, { headers: [`x-role: ${name}`] })),
    ),
    admin('/stats?filter=rbac'),
    accessLog(12),
  ],
};

function isRole(exact: string): Json {
  return { header: { name: 'x-role', string_match: { exact } } };
}

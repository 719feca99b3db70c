/** Expressions of CEL that decide: as filters of access logs, in policies and in rate limits. */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, telling, typed } from './filters.ts';

type Json = Record<string, unknown>;

const celFilter = (log: string, name: string, expression: string): Json => ({
  ...fileLog(log, `${name} %REQ(:PATH)%\n`),
  filter: {
    extension_filter: {
      name: 'cel',
      typed_config: typed('envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', { expression }),
    },
  },
});

const traceable = (log: string): Json => ({
  ...fileLog(log, 'traceable %REQ(:PATH)%\n'),
  filter: { traceable_filter: {} },
});

const named = (name: string): Json => ({ ident_expr: { name } });
const select = (operand: Json, field: string): Json => ({ select_expr: { operand, field } });
const call = (name: string, ...args: Json[]): Json => ({ call_expr: { function: name, args } });
const constant = (value: Json): Json => ({ const_expr: value });
const isMethod = (method: string): Json =>
  call('_==_', select(named('request'), 'method'), constant({ string_value: method }));
const headerIs = (value: string): Json =>
  call(
    '_==_',
    call('_[_]', select(named('request'), 'headers'), constant({ string_value: 'x-role' })),
    constant({ string_value: value }),
  );

const only = (prefix: string, more: Json): Json =>
  telling(
    prefix,
    'rbac',
    typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
      rbac: {
        rules: { policies: { one: { permissions: [{ any: true }], principals: [{ any: true }], ...more } } },
      },
    }),
  );

const rbacType = 'envoy.extensions.filters.http.rbac.v3.RBAC';

export const expressionFilters: Scenario = {
  name: 'expressions that decide',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'rbac', typed_config: typed(rbacType) }),
        access_log: [
          celFilter(log, 'failed', 'response.code >= 400'),
          celFilter(log, 'by header', "request.headers['x-role'] == 'admin'"),
          celFilter(log, 'no truth', 'response.code'),
          celFilter(log, 'no value', 'none'),
          celFilter(log, 'upstream', "xds.cluster_name == 'httpbin' && has(upstream.address)"),
        ],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            only('/read', { condition: isMethod('GET') }),
            only('/admin', { condition: headerIs('admin') }),
            only('/either', { condition: call('_||_', isMethod('GET'), headerIs('admin')) }),
            only('/not', { condition: call('!_', headerIs('admin')) }),
            only('/number', { condition: constant({ int64_value: '1' }) }),
            only('/one-of', {
              condition: call('@in', select(named('request'), 'method'), {
                list_expr: { elements: [constant({ string_value: 'GET' })] },
              }),
            }),
            only('/has', {
              condition: {
                select_expr: { operand: select(named('request'), 'headers'), field: 'x-role', test_only: true },
              },
            }),
            only('/local', {
              condition: {
                call_expr: {
                  target: select(named('source'), 'address'),
                  function: 'startsWith',
                  args: [constant({ string_value: '127.' })],
                },
              },
            }),
            route('/', 'httpbin'),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    ...['/read', '/admin', '/either', '/not', '/number', '/one-of', '/has', '/local'].flatMap(path => [
      request(path),
      request(path, { headers: ['x-role: admin'], method: 'POST' }),
    ]),
    request('/get'),
    stats('http.ingress.rbac.allowed', 'http.ingress.rbac.denied'),
    accessLog(28),
  ],
};

export const otherExpressions: Scenario = {
  name: 'expressions that Envoy takes otherwise',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain({ name: 'rbac', typed_config: typed(rbacType) }),
        access_log: [fileLog(log, '%CEL(xds.cluster_metadata)% %CEL(has(upstream.locality.zone))%\n')],
      },
      routes: [only('/checked', { checked_condition: { expr: isMethod('POST') } }), route('/', 'httpbin')],
      clusters: [{ ...cluster('httpbin', [ports.httpbin]), metadata: { filter_metadata: { a: { b: 'c' } } } }],
    }),
  steps: [request('/checked', {}, 'a checked condition'), request('/get'), accessLog(2)],
};

export const traceableLogs: Scenario = {
  name: 'access logs of what is traced',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        access_log: [traceable(log), fileLog(log, 'all %REQ(:PATH)%\n')],
        tracing: { random_sampling: { value: 0 } },
        use_remote_address: true,
        internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
      },
      routes: [route('/', 'httpbin')],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    request('/get'),
    request('/get/forced', { headers: ['x-envoy-force-trace: true'] }),
    request('/get/client', { headers: ['x-client-trace-id: 1'] }),
    accessLog(4),
  ],
};

const descriptor = (more: Json): Json => ({
  extension: {
    name: 'cel',
    typed_config: typed('envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor', {
      descriptor_key: 'method',
      ...more,
    }),
  },
});

const limited = (prefix: string, actions: Json[]): Json => ({
  ...route(prefix, 'httpbin', { prefix_rewrite: '/get' }),
  typed_per_filter_config: {
    limit: typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: 'limit',
      token_bucket: { max_tokens: 100, tokens_per_fill: 100, fill_interval: '60s' },
      filter_enabled: { default_value: { numerator: 100 } },
      filter_enforced: { default_value: { numerator: 100 } },
      descriptors: [
        {
          entries: [{ key: 'method', value: 'GET' }],
          token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '60s' },
        },
        {
          entries: [{ key: 'generic_key', value: 'any' }],
          token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '60s' },
        },
      ],
    }),
  },
  route: { cluster: 'httpbin', prefix_rewrite: '/get', rate_limits: [{ actions }] },
});

const anyKey = { generic_key: { descriptor_value: 'any' } };

export const expressionLimits: Scenario = {
  name: 'expressions in rate limits',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: chain({
        name: 'limit',
        typed_config: typed('envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
          stat_prefix: 'limit',
        }),
      }),
      routes: [
        limited('/text', [descriptor({ text: 'request.method' })]),
        limited('/parsed', [descriptor({ parsed: select(named('request'), 'method') })]),
        limited('/skipped', [anyKey, descriptor({ text: "request.headers['none']", skip_if_error: true })]),
        limited('/missing', [anyKey, descriptor({ text: "request.headers['none']" })]),
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: ['/text', '/parsed', '/skipped', '/missing'].flatMap(path => [request(path), request(path)]),
};

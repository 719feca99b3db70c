/** What filters tell each other of a request: dynamic metadata, who writes them and who reads them. */
import { accessLog, request, type Scenario, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, telling, typed } from './filters.ts';
import { encoded, jwk, token } from './tokens.ts';

type Json = Record<string, unknown>;

const writer = (said: Json): { name: string; typed_config: Json } => ({
  name: 'metadata',
  typed_config: typed('envoy.extensions.filters.http.header_to_metadata.v3.Config', said),
});

const rule = (header: string, present?: Json, more: Json = {}): Json => ({
  header,
  ...(present && { on_header_present: present }),
  ...more,
});

const rules: Json = {
  request_rules: [
    rule('x-text', { metadata_namespace: 'a', key: 'text' }),
    rule('x-number', { metadata_namespace: 'a', key: 'number', type: 'NUMBER' }),
    rule('x-encoded', { metadata_namespace: 'a', key: 'encoded', encode: 'BASE64' }),
    rule('x-value', { metadata_namespace: 'a', key: 'value', type: 'PROTOBUF_VALUE', encode: 'BASE64' }),
    rule('x-fixed', { metadata_namespace: 'a', key: 'fixed', value: 'always' }, { remove: true }),
    rule('x-user', {
      metadata_namespace: 'a',
      key: 'user',
      regex_value_rewrite: { pattern: { regex: '^/([a-z]+)/(.*)$' }, substitution: '\\2 of \\1' },
    }),
    rule('x-own', { key: 'own' }),
    rule('x-missing', undefined, { on_header_missing: { metadata_namespace: 'b', key: 'missing', value: 'none' } }),
    rule(
      'x-both',
      { metadata_namespace: 'b', key: 'both' },
      {
        on_header_missing: { metadata_namespace: 'b', key: 'both', value: '7', type: 'NUMBER' },
      },
    ),
    {
      cookie: 'session',
      on_header_present: { metadata_namespace: 'b', key: 'session' },
      on_header_missing: { metadata_namespace: 'b', key: 'session', value: 'new' },
    },
    rule('x-version', { metadata_namespace: 'envoy.lb', key: 'version' }),
    rule(':path', { metadata_namespace: 'b', key: 'path' }),
  ],
  response_rules: [
    rule('content-type', { metadata_namespace: 'c', key: 'type' }, { remove: true }),
    rule('x-none', undefined, { on_header_missing: { metadata_namespace: 'c', key: 'none', value: 'yes' } }),
  ],
};

const metadata = (filter: string, key: string, value: Json, more: Json = {}): Json => ({
  metadata: { filter, path: [{ key }], value, ...more },
});
const exact = (text: string): Json => ({ string_match: { exact: text } });
const allowing = (prefix: string, permission: Json, principal: Json = { any: true }): Json =>
  telling(
    prefix,
    'rbac',
    typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
      rbac: { rules: { policies: { 'the one': { permissions: [permission], principals: [principal] } } } },
    }),
  );

const logged =
  '%REQ(:PATH)% %RESPONSE_CODE% %ROUTE_NAME% %DYNAMIC_METADATA(a)% %DYNAMIC_METADATA(b)% %DYNAMIC_METADATA(c)% %DYNAMIC_METADATA(a:text)% %DYNAMIC_METADATA(a:value)% %DYNAMIC_METADATA(a:value:deep)% %DYNAMIC_METADATA(a:text):3% %DYNAMIC_METADATA(a:number)% %DYNAMIC_METADATA(envoy.filters.http.header_to_metadata)% %DYNAMIC_METADATA(none)% %METADATA(DYNAMIC:a:text)% %DYNAMIC_METADATA(envoy.filters.http.rbac)%\n';
const loggedJson = {
  log_format: {
    json_format: {
      path: '%REQ(:PATH)%',
      a: '%DYNAMIC_METADATA(a)%',
      text: '%DYNAMIC_METADATA(a:text)%',
      number: '%DYNAMIC_METADATA(a:number)%',
      value: '%DYNAMIC_METADATA(a:value)%',
      none: '%DYNAMIC_METADATA(a:none)%',
      mixed: 'x%DYNAMIC_METADATA(a:number)%',
    },
  },
};

const base64 = (value: unknown): string => Buffer.from(String(value)).toString('base64');

/** A google.protobuf.Value in bytes: the text "in proto". */
const protoText = Buffer.concat([Buffer.from([0x1a, 8]), Buffer.from('in proto')]).toString('base64');
/** A struct with one field: {deep: 1.5}. */
const protoStruct = Buffer.from('2a130a110a046465657012091100000000 0000f83f'.replace(' ', ''), 'hex').toString(
  'base64',
);

export const headerToMetadata: Scenario = {
  name: 'metadata of headers',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(writer(rules), {
          name: 'rbac',
          typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC', {
            shadow_rules: {
              action: 'DENY',
              policies: {
                planned: { permissions: [metadata('a', 'text', exact('ada'))], principals: [{ any: true }] },
              },
            },
          }),
        }),
        access_log: [
          fileLog(log, logged),
          {
            name: 'log',
            typed_config: typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: log, ...loggedJson }),
          },
        ],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            allowing('/text', metadata('a', 'text', exact('ada'))),
            allowing('/inverted', metadata('a', 'text', exact('ada'), { invert: true })),
            allowing('/present', metadata('a', 'text', { present_match: true })),
            allowing('/absent', metadata('a', 'text', { present_match: false })),
            allowing('/number', metadata('a', 'number', { double_match: { range: { start: 1, end: 5 } } })),
            allowing('/exactly', metadata('a', 'number', { double_match: { exact: 4.5 } })),
            allowing('/or', metadata('a', 'text', { or_match: { value_matchers: [exact('ada'), exact('bob')] } })),
            allowing('/principal', { any: true }, metadata('a', 'text', { string_match: { prefix: 'a' } })),
            allowing('/deep', {
              metadata: {
                filter: 'a',
                path: [{ key: 'value' }, { key: 'deep' }],
                value: { double_match: { exact: 1.5 } },
              },
            }),
            {
              match: { prefix: '/matched', dynamic_metadata: [metadata('a', 'text', exact('ada')).metadata] },
              direct_response: { status: 201 },
              name: 'by metadata',
            },
            route('/subset', 'divided', { metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } } }),
            {
              match: { prefix: '/tell' },
              route: { cluster: 'httpbin', prefix_rewrite: '/get' },
              request_headers_to_add: [
                { header: { key: 'x-told', value: '%DYNAMIC_METADATA(a:text)% %DYNAMIC_METADATA(a:none)%' } },
              ],
            },
            route('/', 'httpbin', { prefix_rewrite: '/get' }),
          ],
        },
      ],
      clusters: [
        cluster('httpbin', [ports.httpbin]),
        {
          ...cluster('divided', [], {
            lb_subset_config: { subset_selectors: [{ keys: ['version', 'stage'] }, { keys: ['stage'] }] },
          }),
          load_assignment: {
            cluster_name: 'divided',
            endpoints: [
              {
                lb_endpoints: [
                  [ports.httpbin, '1'],
                  [ports.raw, '2'],
                ].map(([port, version]) => ({
                  endpoint: { address: address(Number(port)) },
                  metadata: { filter_metadata: { 'envoy.lb': { version, stage: 'prod' } } },
                })),
              },
            ],
          },
        },
      ],
    }),
  steps: [
    request('/'),
    request('/?1', {
      headers: [
        'x-text: ada',
        'x-number: 4.5',
        `x-encoded: ${base64('plain "text"')}`,
        `x-value: ${protoText}`,
        'x-fixed: other',
        'x-user: /staff/ada',
        'x-own: mine',
        'x-missing: there',
        'x-both: text',
        'cookie: a=b; session=abc',
      ],
    }),
    request('/?2', { headers: ['x-number: four', 'x-encoded: ???', 'x-value: ???', 'x-user: other', 'x-text:'] }),
    request('/?3', {
      headers: [
        'x-number: -1e3',
        `x-value: ${protoStruct}`,
        `x-encoded: ${base64('\xe4')}`,
        'x-text: one',
        'x-text: two',
      ],
    }),
    request('/?4', { headers: [`x-text: ${'t'.repeat(300)}`, 'x-number: 12345678901234', 'cookie: session="quoted"'] }),
    ...['/text', '/inverted', '/present', '/absent', '/or', '/principal'].flatMap(path => [
      request(path),
      request(path, { headers: ['x-text: ada'] }),
      request(path, { headers: ['x-text: bob'] }),
    ]),
    ...['/number', '/exactly'].flatMap(path =>
      ['4.5', '5', '1', 'x'].map(number => request(path, { headers: [`x-number: ${number}`] })),
    ),
    request('/deep', { headers: [`x-value: ${protoStruct}`] }),
    request('/matched', { headers: ['x-text: ada'] }),
    request('/subset', { headers: ['x-version: 1'] }),
    request('/subset/echo', { headers: ['x-version: 3'] }),
    request('/tell', { headers: ['x-text: ada'] }),
    stats(
      'http.ingress.rbac.shadow_denied',
      'http.ingress.rbac.shadow_allowed',
      'cluster.divided.lb_subsets_selected',
      'cluster.divided.lb_subsets_fallback',
    ),
    accessLog(72),
  ],
};

const keys = JSON.stringify({ keys: [jwk('RSA', { kid: 'rsa' })] });
const claims = {
  iss: 'one',
  sub: 'ada',
  exp: 9_999_999_999,
  role: 'admin',
  scope: 'read write',
  deep: { list: [1, 'two', true, null] },
};
const signed = token(claims, { kid: 'rsa' });

export const tokenMetadata: Scenario = {
  name: 'metadata of tokens',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(
          {
            name: 'jwt',
            typed_config: typed('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', {
              providers: {
                one: {
                  issuer: 'one',
                  local_jwks: { inline_string: keys },
                  payload_in_metadata: 'payload',
                  header_in_metadata: 'header',
                  clear_route_cache: true,
                },
              },
              rules: [
                {
                  match: { prefix: '/open' },
                  requires: {
                    requires_any: { requirements: [{ provider_name: 'one' }, { allow_missing_or_failed: {} }] },
                  },
                },
                { match: { prefix: '/' }, requires: { provider_name: 'one' } },
              ],
            }),
          },
          { name: 'rbac', typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC') },
        ),
        access_log: [
          fileLog(
            log,
            '%REQ(:PATH)% %RESPONSE_CODE% %ROUTE_NAME% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:role)%\n',
          ),
        ],
      },
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            {
              match: {
                prefix: '/routed',
                dynamic_metadata: [
                  {
                    filter: 'envoy.filters.http.jwt_authn',
                    path: [{ key: 'payload' }, { key: 'role' }],
                    value: exact('admin'),
                  },
                ],
              },
              direct_response: { status: 201 },
              name: 'by role',
            },
            telling(
              '/rules',
              'rbac',
              typed('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
                rbac: {
                  rules: {
                    policies: {
                      p: {
                        permissions: [{ any: true }],
                        principals: [
                          {
                            metadata: {
                              filter: 'envoy.filters.http.jwt_authn',
                              path: [{ key: 'payload' }, { key: 'deep' }, { key: 'list' }],
                              value: { list_match: { one_of: exact('two') } },
                            },
                          },
                        ],
                      },
                    },
                  },
                },
              }),
            ),
            route('/', 'httpbin', { prefix_rewrite: '/get' }),
          ],
        },
      ],
      clusters: [cluster('httpbin', [ports.httpbin])],
    }),
  steps: [
    request('/', { headers: [`authorization: Bearer ${signed}`] }, 'a token'),
    request('/routed', { headers: [`authorization: Bearer ${signed}`] }, 'a route by a claim'),
    request('/rules', { headers: [`authorization: Bearer ${signed}`] }, 'a rule by a claim'),
    request('/', {}, 'no token'),
    request('/open', {}, 'none needed'),
    request('/open', { headers: [`authorization: Bearer ${encoded({})}.a.b`] }, 'a bad one'),
    accessLog(6),
  ],
};

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HttpConnectionManager } from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { ConfigurationError } from './errors.ts';
import { loadConfiguration } from './load.ts';
import { typedConfig } from './typed-config.ts';

const good = `static_resources:
  listeners:
  - name: ingress
    address: { socket_address: { address: 127.0.0.1, port_value: 15001 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            name: local
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: httpbin, timeout: 1s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: httpbin
    type: STRICT_DNS
    load_assignment:
      cluster_name: httpbin
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: httpbin, port_value: 8000 } } } }] }]
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
`;

/** A filter before the router, with this policy. */
const accessPolicy = (policy: string) => `http_filters:
          - name: rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules: { policies: { p: { ${policy} } } }`;

/** A filter before the router, with this change of requests. */
const mutation = (change: string) => `http_filters:
          - name: mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations: { request_mutations: [${change}] }`;

/** JWT authentication before the router, with these rules and this key set. */
const authentication = (rules: string, keys = '{"keys":[{"kty":"oct","k":"AAAA"}]}') => `http_filters:
          - name: jwt
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers: { main: { local_jwks: { inline_string: '${keys}' } } }
              requirement_map: { b: {}, a: {} }
              rules: [{ match: { prefix: / }, ${rules} }]`;

/** External authorization before the router, with this service. */
const authorization = (service: string) => `http_filters:
          - name: door
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              ${service}`;

/** One change of the good configuration, and what is said about it. */
const refusals: [name: string, from: string, to: string, message: RegExp][] = [
  [
    'an unknown field',
    'timeout: 1s',
    'retry_polcy: {}',
    /:18: static_resources.*routes\[0\]\.route\.retry_polcy: no such field in envoy\.config\.route\.v3\.RouteAction: did you mean retry_policy\?/,
  ],
  [
    'an unknown field at the top',
    'admin:',
    'admn:',
    /admn: no such field in envoy\.config\.bootstrap\.v3\.Bootstrap: did you mean admin\?/,
  ],
  [
    'a field that is not supported',
    'timeout: 1s',
    'hash_policy: [{ filter_state: { key: a } }]',
    /route\.hash_policy\[0\]\.filter_state: this field of .* is not supported by this proxy/,
  ],
  [
    'a host that is set as if it were a header',
    '- match: { prefix: / }',
    '- request_headers_to_add: [{ header: { key: Host, value: a } }]\n                match: { prefix: / }',
    /request_headers_to_add\[0\]\.header: :-prefixed or host headers may not be modified/,
  ],
  [
    'a path that is removed',
    '- match: { prefix: / }',
    "- request_headers_to_remove: [x, ':path']\n                match: { prefix: / }",
    /routes\[0\]\.request_headers_to_remove: :-prefixed or host headers may not be removed/,
  ],
  [
    'an authorization by nobody',
    'http_filters:',
    authorization('failure_mode_allow: true'),
    /http_filters\[0\]\.typed_config: ext_authz has no service to ask: http_service or grpc_service names one/,
  ],
  [
    'a path before the path that begins nowhere',
    'http_filters:',
    authorization('http_service: { path_prefix: check }'),
    /http_service\.path_prefix: path_prefix should start with "\/"\./,
  ],
  [
    'an authorization by gRPC',
    'http_filters:',
    authorization('grpc_service: { google_grpc: { target_uri: a, stat_prefix: b } }'),
    /google_grpc: this field of .*GrpcService is not supported by this proxy/,
  ],
  [
    'a mutation of the host',
    'http_filters:',
    mutation('{ remove: host }'),
    /request_mutations\[0\]\.remove: :-prefixed or host headers may not be removed/,
  ],
  [
    'a header whose value cannot be made',
    'http_filters:',
    mutation("{ append: { header: { key: a, value: '%NOPE%' } } }"),
    /append\.header: Not supported field in StreamInfo: NOPE/,
  ],
  [
    'a provider of tokens that is not there',
    'http_filters:',
    authentication('requires: { requires_any: { requirements: [{ allow_missing: {} }, { provider_name: man }] } }'),
    /typed_config\.rules: Required provider \['man'\] is not configured\./,
  ],
  [
    'a requirement that is not there',
    'http_filters:',
    authentication('requirement_name: c'),
    /Wrong requirement_name: c\. It should be one of \[a,b\]/,
  ],
  [
    'a key set that is none',
    'http_filters:',
    authentication('requirement_name: a', '{}'),
    /Provider 'main' in jwt_authn config has invalid local jwks: Jwks does not have \[keys\] field/,
  ],
  [
    'keys that nobody can fetch',
    'http_filters:',
    authentication('requirement_name: a').replace(
      /local_jwks: .*' \}/,
      'remote_jwks: { http_uri: { uri: keys.example/x, cluster: httpbin, timeout: 1s } }',
    ),
    /typed_config\.providers: Provider 'main' has an invalid URI: 'keys\.example\/x'/,
  ],
  [
    'a value that is not supported',
    'http_filters:',
    'codec_type: HTTP3\n          http_filters:',
    /codec_type: HTTP3 is not supported by this proxy: use AUTO or HTTP1 or HTTP2/,
  ],
  [
    'an unknown value',
    'type: STRICT_DNS',
    'type: STATICS',
    /clusters\[0\]\.type: unknown value 'STATICS': one of STATIC, STRICT_DNS/,
  ],
  [
    'a condition of access control',
    'http_filters:',
    accessPolicy(
      'permissions: [{ any: true }], principals: [{ any: true }], condition: { call_expr: { function: f } }',
    ),
    /rules\.policies\.p\.condition: failed to create an expression: No overload found in reference resolve step for f/,
  ],
  [
    'an identity that no listener knows',
    'http_filters:',
    accessPolicy(
      'permissions: [{ any: true }], principals: [{ filter_state: { key: a, string_match: { exact: b } } }]',
    ),
    /principals\[0\]\.filter_state: this field of .* is not supported by this proxy/,
  ],
  [
    'a limit of a route without a bucket',
    'route: { cluster: httpbin, timeout: 1s }',
    `route: { cluster: httpbin, timeout: 1s }
                typed_per_filter_config: { limit: { "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a } }`,
    /routes\[0\]\.typed_per_filter_config\.limit: local rate limit token bucket must be set for per filter configs/,
  ],
  [
    'a bandwidth of a route without a limit',
    'route: { cluster: httpbin, timeout: 1s }',
    `route: { cluster: httpbin, timeout: 1s }
                typed_per_filter_config: { limit: { "@type": type.googleapis.com/envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit, stat_prefix: a } }`,
    /routes\[0\]\.typed_per_filter_config\.limit: limit must be set for per route filter config/,
  ],
  [
    'a state of sessions under a name that Envoy does not know',
    'route: { cluster: httpbin, timeout: 1s }',
    `route: { cluster: httpbin, timeout: 1s }
                typed_per_filter_config: { session: { "@type": type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute, stateful_session: { session_state: { name: mine, typed_config: { "@type": type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState, name: a } } } } }`,
    /session_state: Didn't find a registered implementation for name: 'mine'/,
  ],
  [
    'a bucket that is filled too often',
    'http_filters:',
    `http_filters:
          - name: limit
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a, token_bucket: { max_tokens: 1, fill_interval: 0.01s } }`,
    /http_filters\[0\]\.typed_config\.token_bucket: local rate limit token bucket fill timer must be >= 50ms/,
  ],
  [
    'an anchor that is not there',
    'domains: ["*"]',
    'domains: *x',
    /:\d+: not valid YAML: the referenced anchor is not defined: x/,
  ],
  [
    'an address range that is none',
    'http_filters:',
    accessPolicy('permissions: [{ any: true }], principals: [{ remote_ip: { address_prefix: here } }]'),
    /principals\[0\]\.remote_ip\.address_prefix: malformed IP address: here/,
  ],
  [
    'a bad duration',
    'timeout: 1s',
    'timeout: 1x',
    /route\.timeout: expected a duration such as 1\.5s, found the text '1x'/,
  ],
  [
    'a duration whose fields are out of range',
    'timeout: 1s',
    'timeout: { nanos: 1000000000 }',
    /route\.timeout: expected a duration from 0 to 315576000000 seconds/,
  ],
  [
    'a duration without a unit',
    'timeout: 1s',
    'timeout: 1',
    /route\.timeout: expected a duration such as 1\.5s, found the number '1'/,
  ],
  [
    'a port that is too large',
    'port_value: 15001',
    'port_value: 70000',
    /SocketAddressValidationError\.PortValue: value must be less than or equal to 65535/,
  ],
  [
    'a text for a number',
    'port_value: 15001',
    'port_value: abc',
    /port_value: expected a number \(uint32\), found "abc"/,
  ],
  [
    'no stat prefix',
    'stat_prefix: ingress',
    'codec_type: AUTO',
    /HttpConnectionManagerValidationError\.StatPrefix: value length must be at least 1 characters/,
  ],
  ['no match', 'match: { prefix: / }', 'match: {}', /caused by field: "path_specifier", reason: is required/],
  [
    'two of one',
    'match: { prefix: / }',
    'match: { prefix: /, path: /a }',
    /match\.path: only one of 'prefix' and 'path' may be set/,
  ],
  [
    'an unknown cluster',
    'cluster: httpbin,',
    'cluster: httpbinn,',
    /route: unknown cluster 'httpbinn' \(did you mean 'httpbin'\?\)/,
  ],
  [
    'a name in a static cluster',
    'type: STRICT_DNS',
    'type: STATIC',
    /malformed IP address: httpbin\. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'/,
  ],
  [
    'no typed_config',
    '"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    '',
    /Didn't find a registered implementation for 'envoy\.filters\.http\.router' with type URL: ''/,
  ],
  [
    'an unknown type',
    'http.router.v3.Router',
    'http.router.v3.Rooter',
    /could not find @type 'envoy\.extensions\.filters\.http\.router\.v3\.Rooter'.*did you mean envoy\.extensions\.filters\.http\.router\.v3\.Router\?/,
  ],
  [
    'Lua',
    'http.router.v3.Router',
    'http.lua.v3.Lua',
    /Lua is not supported by this proxy, by design: it runs no code of its configuration/,
  ],
  [
    'a name to listen on',
    'address: 127.0.0.1, port_value: 15001',
    'address: localhost, port_value: 15001',
    /malformed IP address: localhost/,
  ],
  ['a field of v2', 'type: STRICT_DNS', 'hosts: []', /clusters\[0\]\.hosts: no such field/],
  ['text that is no YAML', 'domains: ["*"]', 'domains: ["*"', /: not valid YAML: /],
  [
    'a key twice',
    'stat_prefix: ingress',
    'stat_prefix: a\n          stat_prefix: b',
    /:11: not valid YAML: Map keys must be unique/,
  ],
];

refusals.push(
  ['a bad regular expression', 'prefix: /', "safe_regex: { regex: '(' }", /match\.safe_regex\.regex: missing \): \($/],
  [
    'a bad log format',
    'stat_prefix: ingress',
    'stat_prefix: a\n          access_log: [{ name: a, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: { text_format_source: { inline_string: "%FOO%" } } } }]',
    /:11: .*access_log\[0\]\.typed_config\.log_format\.text_format_source: Not supported field in StreamInfo: FOO$/,
  ],
);

test('a good configuration becomes messages, with typed_config unpacked', () => {
  const { bootstrap, document } = loadConfiguration({ yaml: good });
  const filter = bootstrap.staticResources?.listeners[0]?.filterChains[0]?.filters[0];
  const manager = typedConfig<HttpConnectionManager>(
    filter?.configType.value as Parameters<typeof typedConfig>[0],
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  );
  assert.equal(manager?.statPrefix, 'ingress');
  assert.deepEqual(Object.keys(document), ['static_resources', 'admin']);
});

for (const [name, from, to, message] of refusals) {
  test(`refused by place and reason: ${name}`, () => {
    assert.ok(good.includes(from));
    assert.throws(
      () => loadConfiguration({ yaml: good.replace(from, to) }),
      error => error instanceof ConfigurationError && message.test(error.message),
    );
  });
}

test('a duration may be given by its fields', () => {
  const cases: [fields: string, seconds: bigint, nanos: number, text: string][] = [
    ['{ seconds: 20 }', 20n, 0, '20s'],
    ['{ nanos: 500000000 }', 0n, 500_000_000, '0.5s'],
    ["{ seconds: '3', nanos: 5 }", 3n, 5, '3.000000005s'],
  ];
  for (const [fields, seconds, nanos, text] of cases) {
    const yaml = good.replace('type: STRICT_DNS', `type: STRICT_DNS\n    connect_timeout: ${fields}`);
    const { bootstrap, document } = loadConfiguration({ yaml });
    const { connectTimeout } = bootstrap.staticResources!.clusters[0]!;
    assert.deepEqual([connectTimeout?.seconds, connectTimeout?.nanos], [seconds, nanos], fields);
    assert.match(JSON.stringify(document), new RegExp(`"connect_timeout":"${text}"`));
  }
});

test('errors of a file name the file and the line', t => {
  const folder = mkdtempSync(join(tmpdir(), 'load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'proxy.yaml');
  writeFileSync(path, good.replace('timeout: 1s', 'timeot: 1s'));
  assert.throws(() => loadConfiguration({ path }), {
    message: new RegExp(`^${path}:18: .*timeot: .*did you mean timeout`),
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfiguration } from './load.ts';

const type = 'type.googleapis.com/envoy.extensions';
const router = `"@type": ${type}.filters.http.router.v3.Router`;

const load = (policy: string) =>
  loadConfiguration({
    yaml: `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": ${type}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          http_filters: [{name: router, typed_config: {${router}}}]
          route_config:
            virtual_hosts:
            - name: all
              domains: ['*']
              routes: [{match: {prefix: /}, route: {cluster: a, internal_redirect_policy: {${policy}}}}]
  clusters: [{name: a, type: STATIC}]
`,
  });

const refused: [name: string, policy: string, reason: RegExp][] = [
  [
    'a pseudo header to be copied',
    "response_headers_to_copy: [x-a, ':path']",
    /response_headers_to_copy\[1\]: :-prefixed headers or Hosts may not be specified here\./,
  ],
  [
    'a host to be copied',
    'response_headers_to_copy: [HOST]',
    /:-prefixed headers or Hosts may not be specified here\./,
  ],
  [
    'what is no predicate',
    `predicates: [{name: x, typed_config: {${router}}}]`,
    /predicates\[0\]: Didn't find a registered implementation for 'x' with type URL: 'envoy.extensions.filters.http.router.v3.Router'/,
  ],
];

for (const [name, policy, reason] of refused)
  test(`refused: ${name}`, () => void assert.throws(() => load(policy), reason));

test('all that may be said of redirects', () => {
  const predicates = [
    `{name: a, typed_config: {"@type": ${type}.internal_redirect.previous_routes.v3.PreviousRoutesConfig}}`,
    `{name: b, typed_config: {"@type": ${type}.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig}}`,
    `{name: c, typed_config: {"@type": ${type}.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig, allowed_route_names: [a]}}`,
  ].join(', ');
  load(
    `max_internal_redirects: 3, redirect_response_codes: [301, 200], predicates: [${predicates}], allow_cross_scheme_redirect: true, response_headers_to_copy: [x-a]`,
  );
});

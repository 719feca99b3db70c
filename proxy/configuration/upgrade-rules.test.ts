import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfiguration } from './load.ts';

const type = 'type.googleapis.com/envoy.extensions.filters';
const router = `{name: router, typed_config: {"@type": ${type}.http.router.v3.Router}}`;
const buffer = `{name: buffer, typed_config: {"@type": ${type}.http.buffer.v3.Buffer, max_request_bytes: 1}}`;

const load = (managed: string, routed: string) =>
  loadConfiguration({
    yaml: `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": ${type}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          upgrade_configs: [${managed}]
          http_filters: [${router}]
          route_config:
            virtual_hosts:
            - name: all
              domains: ['*']
              routes: [{match: {connect_matcher: {}}, route: {cluster: a, upgrade_configs: [${routed}]}}]
  clusters: [{name: a, type: STATIC}]
`,
  });

const refused: [name: string, managed: string, routed: string, reason: RegExp][] = [
  [
    'one kind twice',
    '{upgrade_type: websocket}, {upgrade_type: WebSocket}',
    '',
    /upgrade_configs\[1\]\.upgrade_type: Error: multiple upgrade configs with the same name: 'WebSocket'/,
  ],
  [
    'one kind twice in a route',
    '',
    '{upgrade_type: CONNECT, connect_config: {}}, {upgrade_type: connect}',
    /route\.upgrade_configs\[1\]\.upgrade_type: Duplicate upgrade connect/,
  ],
  [
    'a way to end what is no CONNECT',
    '',
    '{upgrade_type: websocket, connect_config: {}}',
    /connect_config: Non-CONNECT upgrade type websocket has ConnectConfig/,
  ],
  [
    'filters behind the router',
    `{upgrade_type: websocket, filters: [${router}, ${buffer}]}`,
    '',
    /filters\[0\]: Error: terminal filter named router of type envoy\.filters\.http\.router must be the last filter in a http upgrade/,
  ],
  [
    'filters without a router',
    `{upgrade_type: websocket, filters: [${buffer}]}`,
    '',
    /filters\[0\]: Error: non-terminal filter named buffer is the last filter in a http upgrade filter chain/,
  ],
  [
    'the PROXY protocol before what CONNECT carries',
    '',
    '{upgrade_type: CONNECT, connect_config: {proxy_protocol_config: {}}}',
    /connect_config\.proxy_protocol_config: .*not supported/,
  ],
];

for (const [name, managed, routed, reason] of refused)
  test(`refused: ${name}`, () => void assert.throws(() => load(managed, routed), reason));

test('the rest of what may be said of upgrades', () => {
  load(`{upgrade_type: websocket}, {upgrade_type: a, enabled: false, filters: [${buffer}, ${router}]}`, '');
  load('', '{upgrade_type: CONNECT, connect_config: {allow_post: true}}, {upgrade_type: websocket, enabled: false}');
});

/** Layers of runtime values that a control plane sends. */
import { setTimeout as wait } from 'node:timers/promises';
import { RestServer } from '../rest-server.ts';
import { admin, type Place, type Ports, request, type Scenario, type Step, stats } from '../scenario.ts';
import { XdsServer } from '../xds-server.ts';
import { cluster, bootstrap as configuration } from './configuration.ts';
import { named } from './control-plane-steps.ts';
import { api } from './discovery.ts';

type Json = Record<string, unknown>;

/** How values are asked for. */
interface Way {
  name: string;
  source: Json;
  ads?: Json;
  /** Asked by plain HTTP. */
  polled?: boolean;
}

const grpc = (apiType: string): Json => ({
  api_type: apiType,
  transport_api_version: 'V3',
  grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
});

const polled = {
  api_type: 'REST',
  transport_api_version: 'V3',
  cluster_names: ['control-plane'],
  refresh_delay: '0.05s',
  request_timeout: '20s',
};

const ways: Way[] = [
  { name: 'one stream for all', source: { ads: {} }, ads: grpc('GRPC') },
  { name: 'a stream of its own', source: { api_config_source: grpc('GRPC') } },
  { name: 'changes only', source: { api_config_source: grpc('DELTA_GRPC') } },
  { name: 'by plain HTTP', source: { api_config_source: polled }, polled: true },
];

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const http2 = {
  typed_extension_protocol_options: {
    [options]: { '@type': `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
  },
};

const bootstrap = (ports: Ports, accessLog: string, way: Way): Json =>
  configuration(ports, accessLog, {
    clusters: [cluster('control-plane', [ports.nobody], way.polled ? {} : http2)],
    routes: [
      {
        match: { prefix: '/', runtime_fraction: { default_value: {}, runtime_key: 'routes.first' } },
        direct_response: { status: 201 },
      },
      { match: { prefix: '/' }, direct_response: { status: 202 } },
    ],
    bootstrap: {
      node: { id: 'proxy', cluster: 'proxies' },
      ...(way.ads !== undefined && { dynamic_resources: { ads_config: way.ads } }),
      layered_runtime: {
        layers: [
          { name: 'below', static_layer: { below: 1, both: 'static' } },
          {
            name: 'sent',
            rtds_layer: {
              name: 'values',
              rtds_config: { resource_api_version: 'V3', initial_fetch_timeout: '10s', ...way.source },
            },
          },
          { name: 'above', admin_layer: {} },
        ],
      },
    },
  });

const runtime = (layer: Json | undefined, name = 'values'): Json => ({
  '@type': api('service.runtime.v3.Runtime'),
  name,
  ...(layer !== undefined && { layer }),
});

let server: XdsServer | RestServer = new XdsServer();

const quietMs = 400;
const patienceMs = 5000;

/** What is asked after it: whether it was taken. */
const publishing = (name: string, version: string, resources: Json[]): Step => ({
  name,
  see: async () => {
    server.record.length = 0;
    server.publish('RTDS', version, resources);
    return asked();
  },
});

async function asked(): Promise<string[]> {
  for (const end = Date.now() + patienceMs; server.record.length === 0 && Date.now() < end; ) await wait(20);
  for (let before = -1; before !== server.record.length; await wait(quietMs)) before = server.record.length;
  return server.record.splice(0);
}

const counted = [
  ...['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout', 'version_text'],
  ...[
    'num_keys',
    'num_layers',
    'load_success',
    'load_error',
    'admin_overrides_active',
    'override_dir_exists',
    'override_dir_not_exists',
  ],
].map(name => `runtime.${name}`);

const values = admin('/runtime', body => JSON.parse(body));

const discovered = (way: Way): Scenario => ({
  name: `runtime of a control plane: ${way.name}`,
  beside: async ports => {
    server = way.polled ? new RestServer() : new XdsServer();
    await server.listen(ports.nobody);
    server.publish('RTDS', 'v1', [runtime({ sent: { a: 1, b: true }, both: 'sent', routes: { first: 100 } })]);
    return () => server.close();
  },
  config: (ports, accessLog) => bootstrap(ports, accessLog, way),
  steps: [
    { name: 'what it is asked at first', see: async (_: Place) => asked() },
    named('at first', values),
    named('counted at first', stats(...counted)),
    request('/', {}, 'the route that they choose'),
    publishing('other values', 'v2', [runtime({ routes: { first: 0 } })]),
    named('in use', values),
    request('/', {}, 'the other route'),
    named('one is overridden', admin('/runtime_modify?below=7&routes.first=100', undefined, 'POST')),
    request('/', {}, 'by the override'),
    publishing('the same again', 'v3', [runtime({ routes: { first: 0 } })]),
    publishing('no layer', 'v4', [runtime(undefined)]),
    named('with no layer', values),
    publishing('no name', 'v5', [runtime({ a: 1 }, '')]),
    publishing('a list', 'v6', [runtime({ a: { list: [1] } })]),
    publishing('null', 'v7', [runtime({ a: null })]),
    publishing('values once more', 'v8', [runtime({ last: 'a b', 'some.key': 1.5, no: false })]),
    named('at last', values),
    publishing('nothing', 'v9', []),
    named('after nothing', values),
    named('counted then', stats(...counted)),
  ],
});

export const runtimeDiscovery: Scenario[] = ways.map(discovered);

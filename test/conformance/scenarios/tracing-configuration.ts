/** Configurations that trace, for the scenarios. */
import type { Ports } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';
import { overHttp2 } from './http2.ts';
import { spanId, traceId } from './tracing-steps.ts';

type Json = Record<string, unknown>;

const none = { numerator: 0 };
const all = { numerator: 100 };

export const routes: Json[] = [
  { ...route('/decorated', 'raw'), decorator: { operation: 'checkout' } },
  { ...route('/quietly-decorated', 'raw'), decorator: { operation: 'quiet', propagate: false } },
  {
    ...route('/told', 'raw'),
    response_headers_to_add: [{ header: { key: 'x-envoy-decorator-operation', value: 'told' } }],
  },
  { ...route('/never', 'raw'), tracing: { overall_sampling: none } },
  { ...route('/not-random', 'raw'), tracing: { random_sampling: none, overall_sampling: all } },
  { ...route('/not-by-client', 'raw'), tracing: { client_sampling: none, overall_sampling: all } },
  {
    ...route('/tagged', 'raw'),
    tracing: {
      random_sampling: all,
      custom_tags: [
        { tag: 'where', literal: { value: 'route' } },
        { tag: 'only', literal: { value: 'route' } },
        { tag: 'component', literal: { value: 'ours' } },
      ],
    },
  },
  route('/status', 'httpbin'),
  route('/retried', 'httpbin', { prefix_rewrite: '/status/503', retry_policy: { retry_on: '5xx', num_retries: 1 } }),
  route('/nobody', 'nobody'),
  route('/unknown', 'unknown'),
  { match: { prefix: '/direct' }, direct_response: { status: 201, body: { inline_string: 'hello' } } },
  { match: { prefix: '/moved' }, redirect: { path_redirect: '/echo' } },
  route('/slow', 'httpbin', { prefix_rewrite: '/delay/2', timeout: '0.2s' }),
  route('/impatient', 'httpbin', {
    prefix_rewrite: '/delay/2',
    retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.2s' },
  }),
  route('/echo', 'raw'),
  route('/truncated', 'raw'),
  route('/disconnect', 'raw'),
  route('/two', 'two', { prefix_rewrite: '/no-content' }),
];

export const outbound = { traffic_direction: 'OUTBOUND' };

export const zipkin = (more: Json = {}): Json => ({
  name: 'envoy.tracers.zipkin',
  typed_config: typed('envoy.config.trace.v3.ZipkinConfig', {
    collector_cluster: 'collector',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    ...more,
  }),
});

const atOnce = { 'tracing.zipkin.min_flush_spans': 1, 'tracing.opentelemetry.min_flush_spans': 1 };

/** More of what is around the tracing. */
interface Around {
  listener?: Json;
  node?: Json;
  http?: Json;
  runtime?: Json;
  clusters?: Json[];
}

/** A configuration whose connection manager traces like this. */
export function tracing(ports: Ports, log: string, provider: Json, more: Json = {}, around: Around = {}): Json {
  const { listener = {}, node = {}, http = {}, runtime = {}, clusters = [] } = around;
  const config = bootstrap(ports, log, {
    routes,
    routeConfiguration: { validate_clusters: false },
    manager: {
      tracing: { provider, ...more },
      access_log: [fileLog(log, '%REQ(:PATH)% %TRACE_ID% %SPAN_ID% %REQ(X-B3-SPANID)%\n')],
      ...http,
    },
    clusters: [
      cluster('raw', [ports.raw], { alt_stat_name: 'origin' }),
      cluster('httpbin', [ports.httpbin]),
      cluster('nobody', [ports.nobody]),
      cluster('two', [ports.http2], overHttp2),
      cluster('collector', [ports.raw], { alt_stat_name: 'spans' }),
      ...clusters,
    ],
    bootstrap: {
      node: { id: 'front-1', cluster: 'front', locality: { zone: 'here' }, ...node },
      layered_runtime: {
        layers: [
          { name: 'file', static_layer: { ...atOnce, ...runtime } },
          { name: 'admin', admin_layer: {} },
        ],
      },
    },
  });
  const [first] = (config.static_resources as { listeners: Json[] }).listeners;
  Object.assign(first!, listener);
  return config;
}

/** Headers of a caller's span. */
export const b3 = (...more: string[]): string[] => [`x-b3-traceid: ${traceId}`, `x-b3-spanid: ${spanId}`, ...more];

/** Traces of requests by OpenTelemetry: W3C's headers, OTLP by HTTP. */
import { accessLog, admin, type Scenario, stats } from '../scenario.ts';
import { typed } from './filters.ts';
import { b3, outbound, tracing } from './tracing-configuration.ts';
import { collectorRequest, spanId, traced, traceId } from './tracing-steps.ts';

type Json = Record<string, unknown>;

const otlp = (more: Json = {}): Json => ({
  name: 'envoy.tracers.opentelemetry',
  typed_config: typed('envoy.config.trace.v3.OpenTelemetryConfig', {
    http_service: {
      http_uri: { uri: 'http://collector.example:4318/v1/traces', cluster: 'collector', timeout: '1s' },
      request_headers_to_add: [{ header: { key: 'x-tenant', value: 'a' } }],
    },
    service_name: 'shop',
    ...more,
  }),
});
const parent = (flags: string, ...more: string[]): string[] => [
  `traceparent: 00-${traceId}-${spanId}-${flags}`,
  ...more,
];
const exported = ['spans_sent', 'http_reports_sent', 'http_reports_success', 'http_reports_failed'];

export const openTelemetry: Scenario = {
  name: 'traces by OpenTelemetry',
  config: (ports, log) => tracing(ports, log, otlp(), { verbose: true, max_path_tag_length: 10 }),
  steps: [
    traced('no context', '/echo'),
    traced('a parent', '/echo', { headers: parent('01', 'tracestate: a=b, c=d') }),
    traced('a parent that is not sampled', '/echo', { headers: parent('00'), spans: 0 }),
    traced('a state without a parent', '/echo', { headers: ['tracestate: a=b'] }),
    traced('a parent without ids', '/echo', { headers: [`traceparent: 00-${'0'.repeat(32)}-${spanId}-01`], spans: 0 }),
    traced('nonsense', '/echo', { headers: ['traceparent: nonsense'], spans: 0 }),
    traced('another version', '/echo', { headers: [`traceparent: 01-${traceId}-${spanId}-01`] }),
    traced('b3 says nothing here', '/echo', { headers: b3('x-b3-sampled: 0') }),
    traced('a server error', '/status/500'),
    traced('a client error', '/status/404'),
    traced('nobody answers', '/nobody'),
    traced('a decorated route', '/decorated'),
    traced('tags of the route', '/tagged'),
    collectorRequest('how it is posted', '/echo'),
    stats(...exported.map(name => `tracing.opentelemetry.${name}`)),
  ],
};

export const openTelemetryTries: Scenario = {
  name: 'traces by OpenTelemetry: spans of tries',
  config: (ports, log) =>
    tracing(
      ports,
      log,
      otlp({ service_name: '' }),
      { spawn_upstream_span: true },
      { listener: outbound, node: { cluster: '', locality: {} } },
    ),
  steps: [
    traced('no context', '/echo', { spans: 2 }),
    traced('a retry', '/retried', { spans: 3 }),
    traced('a server error', '/status/500', { spans: 2 }),
    traced('a client error', '/status/404', { spans: 2 }),
    traced('nobody answers', '/nobody', { spans: 2 }),
    traced('an empty header', '/tagged', { headers: ['x-client-trace-id:'], spans: 2 }),
    accessLog(6, line => line.replace(/[0-9a-f]{32}|[0-9a-f]{16}/g, id => `<${id.length}>`)),
    admin('/stats?filter=tracing'),
  ],
};

/** Traces of requests by OpenTelemetry whose collector is called by gRPC. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { admin, type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { traceService } from '../trace-service.ts';
import { cluster } from './configuration.ts';
import { typed } from './filters.ts';
import { overHttp2 } from './http2.ts';
import { outbound, tracing } from './tracing-configuration.ts';
import { batches, collectorRequest, spanId, traced, traceId } from './tracing-steps.ts';

type Json = Record<string, unknown>;

const otlp = (more: Json = {}): Json => ({
  name: 'envoy.tracers.opentelemetry',
  typed_config: typed('envoy.config.trace.v3.OpenTelemetryConfig', {
    grpc_service: {
      envoy_grpc: { cluster_name: 'grpc-collector' },
      timeout: '0.25s',
      initial_metadata: [
        { key: 'X-Tenant', value: 'a' },
        { key: 'user-agent', value: 'mine' },
        { key: 'x-tenant', value: 'b' },
        { key: 'x-tenant-bin', value: 'c' },
      ],
    },
    service_name: 'shop',
    ...more,
  }),
});
const parent = (flags: string, ...more: string[]): string[] => [
  `traceparent: 00-${traceId}-${spanId}-${flags}`,
  ...more,
];
const collectors = (ports: Ports): Json => cluster('grpc-collector', [ports.nobody], overHttp2);

/** Starts the collector; ends it and the calls that it has. */
const collecting =
  (status: number | 'silent' = 0): NonNullable<Scenario['beside']> =>
  async ports => {
    const server = traceService(status);
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', session => sessions.add(session));
    await once(server.listen(ports.nobody, '127.0.0.1'), 'listening');
    return async () => {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    };
  };
const counted = stats(
  'tracing.opentelemetry.spans_sent',
  'tracing.opentelemetry.spans_dropped',
  'tracing.opentelemetry.timer_flushed',
  ...['upstream_rq_total', 'upstream_rq_200', 'upstream_rq_504', 'upstream_rq_503', 'internal.upstream_rq_200'].map(
    name => `cluster.grpc-collector.${name}`,
  ),
);

/** A step: more time than the service's time-out. */
const later: Step = { name: 'time passes', see: () => wait(400) };

const variable = 'OTEL_RESOURCE_ATTRIBUTES';

/** A scenario in whose proxies this variable stands. */
function withVariable(value: string, scenario: Scenario): Scenario {
  return {
    ...scenario,
    beside: async ports => {
      const end = await scenario.beside?.(ports);
      process.env[variable] = value;
      return async () => {
        delete process.env[variable];
        await end?.();
      };
    },
  };
}

const detectors = 'envoy.extensions.tracers.opentelemetry.resource_detectors.v3';
const fromEnvironment: Json = {
  name: 'environment',
  typed_config: typed(`${detectors}.EnvironmentResourceDetectorConfig`),
};
const stated = (attributes: Json): Json => ({
  name: 'stated',
  typed_config: typed(`${detectors}.StaticConfigResourceDetectorConfig`, { attributes }),
});
const always: Json = {
  name: 'always',
  typed_config: typed('envoy.extensions.tracers.opentelemetry.samplers.v3.AlwaysOnSamplerConfig'),
};

export const tracesByGrpc: Scenario[] = [
  {
    name: 'traces by OpenTelemetry through gRPC',
    config: (ports, log) =>
      tracing(ports, log, otlp(), { verbose: true, max_path_tag_length: 10 }, { clusters: [collectors(ports)] }),
    beside: collecting(),
    steps: [
      traced('no context', '/echo'),
      traced('a parent', '/echo', { headers: parent('01', 'tracestate: a=b, c=d') }),
      traced('a parent that is not sampled', '/echo', { headers: parent('00'), spans: 0 }),
      traced('a sampled parent where nothing is sampled', '/never', { headers: parent('01'), spans: 0 }),
      traced('a server error', '/status/500'),
      traced('a decorated route', '/decorated'),
      traced('tags of the route', '/tagged'),
      collectorRequest('how it is called', '/echo'),
      counted,
      admin(
        '/clusters',
        body => body.split('\n').filter(line => /^grpc-collector::.*::rq_(total|success)/.test(line)).length,
      ),
    ],
  },
  {
    name: 'traces by OpenTelemetry through gRPC: spans of tries',
    config: (ports, log) =>
      tracing(
        ports,
        log,
        otlp({ service_name: '' }),
        { spawn_upstream_span: true },
        {
          listener: outbound,
          clusters: [collectors(ports)],
          runtime: { 'tracing.opentelemetry.min_flush_spans': 2 },
        },
      ),
    beside: collecting(),
    steps: [
      traced('no context', '/echo', { spans: 2 }),
      traced('a client error', '/status/404', { spans: 2 }),
      batches('four requests', 4, 8),
      counted,
    ],
  },
  {
    name: 'traces by OpenTelemetry through gRPC: a time between reports',
    config: (ports, log) =>
      tracing(
        ports,
        log,
        otlp(),
        {},
        {
          clusters: [collectors(ports)],
          runtime: { 'tracing.opentelemetry.min_flush_spans': 100, 'tracing.opentelemetry.flush_interval_ms': 700 },
        },
      ),
    beside: collecting(),
    steps: [batches('three requests', 3, 3)],
  },
  ...([14, 'silent'] as const).map(
    (status): Scenario => ({
      name: `traces by OpenTelemetry through gRPC: a collector that is ${status === 14 ? 'unavailable' : status}`,
      config: (ports, log) => tracing(ports, log, otlp(), {}, { clusters: [collectors(ports)] }),
      beside: collecting(status),
      steps: [traced('a request', '/echo'), traced('another one', '/echo'), later, counted],
    }),
  ),
  {
    name: 'traces by OpenTelemetry through gRPC: nobody collects',
    config: (ports, log) => tracing(ports, log, otlp(), {}, { clusters: [collectors(ports)] }),
    steps: [traced('a request', '/echo', { spans: 0 }), counted],
  },
  withVariable('host.name=a,b,c=d=e,=f,service.name=g, h = i ', {
    name: 'traces by OpenTelemetry: resources and samplers',
    config: (ports, log) =>
      tracing(
        ports,
        log,
        otlp({
          resource_detectors: [fromEnvironment, stated({ 'k.one': 'l', 'service.name': 'm', none: '' })],
          sampler: always,
        }),
        { spawn_upstream_span: true },
        { clusters: [collectors(ports)] },
      ),
    beside: collecting(),
    steps: [
      traced('no context', '/echo', { spans: 2 }),
      traced('what is not sampled here', '/never'),
      traced('a parent of what is not sampled here', '/never', { headers: parent('00') }),
      traced('a parent that is not sampled', '/echo', { headers: parent('00', 'tracestate: a=b'), spans: 2 }),
    ],
  }),
  withVariable('service.name=told', {
    name: 'traces by OpenTelemetry: the environment has the last word',
    config: (ports, log) =>
      tracing(
        ports,
        log,
        otlp({ resource_detectors: [stated({ 'service.name': 'stated', 'k.two': 'n' }), fromEnvironment] }),
        {},
        { clusters: [collectors(ports)] },
      ),
    beside: collecting(),
    steps: [traced('no context', '/echo')],
  }),
];

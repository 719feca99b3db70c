/** Traces of requests by Zipkin: which are sampled, what is passed on to the next service, and what a collector is told. */
import { exchange } from '../exchange.ts';
import { accessLog, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster } from './configuration.ts';
import { chain, modify, typed } from './filters.ts';
import { b3, outbound, routes, tracing, zipkin } from './tracing-configuration.ts';
import { batches, collectorRequest, parentId, shortTraceId, spanId, traced, traceId } from './tracing-steps.ts';

type Json = Record<string, unknown>;

const uuid = (reason: string): string => `x-request-id: 6f4b54e0-3b6a-${reason}c5e-8a33-2d3b1f0c9d11`;
const counters = ['random_sampling', 'service_forced', 'client_enabled', 'not_traceable', 'health_check'];
const counted = (name: string): Step => ({ ...stats(...counters.map(one => `http.ingress.tracing.${one}`)), name });

/** What comes from before the proxy, and what the proxy makes of it. */
const contexts: Step[] = [
  traced('no context', '/echo'),
  traced('a parent', '/echo', { headers: b3('x-b3-sampled: 1') }),
  traced('a parent and its own', '/echo', { headers: b3(`x-b3-parentspanid: ${parentId}`, 'x-b3-sampled: 1') }),
  traced('a parent that decides nothing', '/echo', { headers: b3() }),
  traced('a parent that is not sampled', '/echo', { headers: b3('x-b3-sampled: 0'), spans: 0 }),
  traced('not sampled, without a parent', '/echo', { headers: ['x-b3-sampled: 0'], spans: 0 }),
  traced('sampled, without a parent', '/echo', { headers: ['x-b3-sampled: 1'] }),
  traced('sampled: true', '/echo', { headers: b3('x-b3-sampled: true') }),
  traced('sampled: d', '/echo', { headers: b3('x-b3-sampled: d'), spans: 0 }),
  traced('debugged', '/echo', { headers: b3('x-b3-flags: 1') }),
  traced('debugged, though not sampled', '/echo', { headers: b3('x-b3-flags: 1', 'x-b3-sampled: 0'), spans: 0 }),
  traced('64 bits', '/echo', { headers: [`x-b3-traceid: ${shortTraceId}`, `x-b3-spanid: ${spanId}`] }),
  traced('in one header', '/echo', { headers: [`b3: ${traceId}-${spanId}-1`] }),
  traced('in one header, 64 bits, with a parent', '/echo', {
    headers: [`b3: ${shortTraceId}-${spanId}-1-${parentId}`],
  }),
  traced('in one header, not sampled', '/echo', { headers: [`b3: ${traceId}-${spanId}-0`], spans: 0 }),
  traced('in one header, no decision', '/echo', { headers: [`b3: ${traceId}-${spanId}`] }),
  traced('in one header, debugged', '/echo', { headers: [`b3: ${traceId}-${spanId}-d`] }),
  traced('one header says no', '/echo', { headers: ['b3: 0'], spans: 0 }),
  traced('one header says yes', '/echo', { headers: ['b3: 1'] }),
  traced('one header is nonsense', '/echo', { headers: ['b3: nonsense'], spans: 0 }),
  traced('one header is cut', '/echo', { headers: [`b3: ${traceId}-${spanId}-`], spans: 0 }),
  traced('ids that are none', '/echo', { headers: ['x-b3-traceid: xyz', `x-b3-spanid: ${spanId}`], spans: 0 }),
  traced('short ids', '/echo', { headers: ['x-b3-traceid: abc', 'x-b3-spanid: 12'] }),
  traced('capital ids', '/echo', { headers: [`x-b3-traceid: ${traceId.toUpperCase()}`, `x-b3-spanid: ${spanId}`] }),
  traced('half a context', '/echo', { headers: [`x-b3-traceid: ${traceId}`] }),
  traced('by W3C', '/echo', { headers: [`traceparent: 00-${traceId}-${spanId}-01`, 'tracestate: a=b'] }),
];

const grpc = ['content-type: application/grpc', 'te: trailers'];

/** What is told of requests. */
const spans: Step[] = [
  traced('a body and a user agent', '/echo', { method: 'POST', body: 'hello', headers: ['user-agent: me'] }),
  traced('a query', '/echo?a=b&c=%20', { host: 'shop.example:8080' }),
  traced('a long path', `/echo?${'x'.repeat(300)}`),
  traced('who calls', '/echo', { headers: ['x-envoy-downstream-service-cluster: web', 'x-forwarded-for: 1.2.3.4'] }),
  traced('https', '/echo', { headers: ['x-forwarded-proto: https'] }),
  traced('a server error', '/status/500'),
  traced('a client error', '/status/404'),
  traced('a retry', '/retried'),
  traced('nobody answers', '/nobody'),
  traced('no such cluster', '/unknown'),
  traced('no route', '/nowhere'),
  traced('answered here', '/direct'),
  traced('a redirect', '/moved'),
  traced('a timeout', '/slow'),
  traced('a broken connection', '/disconnect'),
  traced('a broken answer', '/truncated'),
  traced('gRPC that is not answered', '/nobody', { headers: [...grpc, 'grpc-timeout: 1S'] }),
  traced('gRPC without a route', '/nowhere', { headers: grpc }),
  traced('a decorated route', '/decorated'),
  traced('a decorator that is kept', '/quietly-decorated'),
  traced('the caller names it', '/echo', { headers: ['x-envoy-decorator-operation: mine'] }),
  traced('the caller names what is decorated', '/decorated', { headers: ['x-envoy-decorator-operation: mine'] }),
  traced('the service names it', '/told'),
];

/** Who is sampled. */
const sampling: Step[] = [
  traced('an id of a sampled request', '/echo', { headers: [uuid('9')] }),
  traced('an id of a forced one', '/echo', { headers: [uuid('a')] }),
  traced("an id of a client's", '/echo', { headers: [uuid('b')] }),
  traced('an id of one that is not traced', '/echo', { headers: [uuid('4')] }),
  traced('an id of no kind', '/echo', { headers: [uuid('7')] }),
  traced('an id that is none', '/echo', { headers: ['x-request-id: mine'] }),
  traced('an id that begins well', '/echo', { headers: ['x-request-id: 6f4b54e0-mine'] }),
  traced('health checks', '/healthy'),
  traced('forced from inside', '/echo', { headers: ['x-envoy-force-trace: 1', 'x-forwarded-for: 10.0.0.1'] }),
  traced("a client's trace id", '/echo', { headers: ['x-client-trace-id: 1'] }),
  traced("a client's trace id on a known request", '/echo', { headers: ['x-client-trace-id: 1', uuid('9')] }),
  traced('forced from outside', '/echo', { headers: ['x-envoy-force-trace: 1'] }),
  traced('never', '/never', { spans: 0 }),
  traced('never, though the client asks', '/never', { spans: 0, headers: ['x-client-trace-id: 1'] }),
  traced('never, though sampled before', '/never', { spans: 0, headers: [uuid('9')] }),
  traced('never, though its parent was', '/never', { headers: b3('x-b3-sampled: 1') }),
  traced('not by chance', '/not-random', { spans: 0 }),
  traced('not by chance, but the client asks', '/not-random', { headers: ['x-client-trace-id: 1'] }),
  traced('not for clients', '/not-by-client', { headers: ['x-client-trace-id: 1'] }),
  counted('counted by the configuration'),
  modify('tracing.random_sampling=0'),
  traced('none by chance', '/echo', { spans: 0 }),
  traced('none by chance, the client asks', '/echo', { headers: ['x-client-trace-id: 1'] }),
  modify('tracing.random_sampling=10000&tracing.global_enabled=0'),
  traced('none at all', '/echo', { headers: ['x-client-trace-id: 1'], spans: 0 }),
  modify('tracing.global_enabled=100&tracing.client_enabled=0'),
  traced('none for clients', '/echo', { headers: ['x-client-trace-id: 1'] }),
  counted('counted by the runtime'),
];

const reports = ['spans_sent', 'reports_sent', 'reports_skipped_no_cluster', 'reports_dropped', 'reports_failed'];

export const zipkinContexts: Scenario = {
  name: 'traces by Zipkin: contexts',
  config: (ports, log) => tracing(ports, log, zipkin()),
  steps: [
    ...contexts,
    collectorRequest('how it is posted', '/echo'),
    stats('cluster.spans.upstream_rq_202', ...reports.map(name => `tracing.zipkin.${name}`)),
    accessLog(contexts.length + 1, line => line.replace(/[0-9a-f]{32}|[0-9a-f]{16}/g, id => `<${id.length}>`)),
  ],
};

export const zipkinSpans: Scenario = {
  name: 'traces by Zipkin: spans',
  config: (ports, log) =>
    tracing(ports, log, zipkin(), {
      custom_tags: [
        { tag: 'where', literal: { value: 'everywhere' } },
        { tag: 'home', environment: { name: 'HOME' } },
        { tag: 'nothing', environment: { name: 'NO_SUCH_VARIABLE', default_value: 'by default' } },
        { tag: 'absent', environment: { name: 'NO_SUCH_VARIABLE' } },
        { tag: 'accept', request_header: { name: 'Accept', default_value: 'anything' } },
        { tag: 'language', request_header: { name: 'accept-language' } },
      ],
    }),
  steps: [
    ...spans,
    traced('tags of the route', '/tagged', { headers: ['accept: a', 'accept-language: de'] }),
    traced('an empty header', '/echo', { headers: ['accept:'] }),
  ],
};

const requestIds = (more: Json): Json => ({
  request_id_extension: { typed_config: typed('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', more) },
});

/** Of thirty requests with one id: which decisions their hosts were told. */
const decisionsOfOneId: Step = {
  name: 'thirty requests with one id',
  see: async ({ ports }) => {
    const found = new Set<string | undefined>();
    for (let i = 0; i < 30; i++) {
      const { body } = await exchange(ports.listener, `GET /echo HTTP/1.1\r\nhost: a\r\n${uuid('4')}\r\n\r\n`);
      found.add(/x-b3-sampled: (.)/i.exec(body)?.[1]);
    }
    return [...found].sort();
  },
};

export const requestIdExtension: Scenario[] = [
  {
    name: 'ids of requests that tell no reasons',
    config: (ports, log) => tracing(ports, log, zipkin(), {}, { http: requestIds({ pack_trace_reason: false }) }),
    steps: [
      ...['9', 'a', 'b', '4', '7'].map(digit => traced(`an id with ${digit}`, '/echo', { headers: [uuid(digit)] })),
      traced('no id', '/echo'),
      traced('never', '/never', { spans: 0, headers: [uuid('9')] }),
      counted('counted'),
    ],
  },
  ...[true, false].map(
    (use_request_id_for_trace_sampling): Scenario => ({
      name: `ids of requests that decide on sampling: ${use_request_id_for_trace_sampling}`,
      config: (ports, log) =>
        tracing(
          ports,
          log,
          zipkin(),
          { random_sampling: { value: 50 } },
          { http: requestIds({ use_request_id_for_trace_sampling }) },
        ),
      steps: [
        traced('an id that is none', '/echo', { headers: ['x-request-id: mine'] }),
        traced('forced', '/echo', { headers: [uuid('a')] }),
        traced('never', '/never', { spans: use_request_id_for_trace_sampling ? 0 : 1, headers: [uuid('9')] }),
        counted('counted'),
        decisionsOfOneId,
      ],
    }),
  ),
];

export const traceSampling: Scenario = {
  name: 'traces by Zipkin: sampling',
  config: (ports, log) =>
    tracing(
      ports,
      log,
      zipkin(),
      {},
      {
        http: {
          ...chain({
            name: 'health',
            typed_config: typed('envoy.extensions.filters.http.health_check.v3.HealthCheck', {
              pass_through_mode: false,
              headers: [{ name: ':path', string_match: { exact: '/healthy' } }],
            }),
          }),
          internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
        },
      },
    ),
  steps: sampling,
};

const ownSpans: Step[] = [
  traced('no context', '/echo', { spans: 2 }),
  traced('a parent', '/echo', { headers: b3('x-b3-sampled: 1'), spans: 2 }),
  traced('a parent that is not sampled', '/echo', { headers: b3('x-b3-sampled: 0'), spans: 0 }),
  traced('a retry', '/retried', { spans: 3 }),
  traced('nobody answers', '/nobody', { spans: 2 }),
  traced('answered here', '/direct'),
  traced('a server error', '/status/500', { spans: 2 }),
  traced('a timeout', '/slow', { spans: 2 }),
  traced('timeouts of tries', '/impatient', { spans: 3 }),
  traced('a broken connection', '/disconnect', { spans: 2 }),
  traced('a broken answer', '/truncated', { spans: 2 }),
  traced('a body', '/echo-body', { method: 'POST', body: 'hello', spans: 2 }),
  traced('a host of HTTP/2', '/two', { spans: 2 }),
  traced('a decorated route', '/decorated', { spans: 2 }),
  traced('tags of the route', '/tagged', { spans: 2 }),
];

export const upstreamSpans: Scenario = {
  name: 'traces by Zipkin: spans of tries',
  config: (ports, log) =>
    tracing(ports, log, zipkin({ trace_id_128bit: true, shared_span_context: false, collector_hostname: 'zipkin' }), {
      spawn_upstream_span: true,
      verbose: true,
      max_path_tag_length: 3,
      custom_tags: [{ tag: 'where', literal: { value: 'everywhere' } }],
    }),
  steps: [...ownSpans, collectorRequest('how it is posted', '/echo')],
};

export const reportsInBatches: Scenario = {
  name: 'traces by Zipkin: in batches',
  config: (ports, log) =>
    tracing(
      ports,
      log,
      zipkin(),
      {},
      {
        runtime: { 'tracing.zipkin.min_flush_spans': 3, 'tracing.zipkin.flush_interval_ms': 700 },
      },
    ),
  steps: [batches('as many as that', 6, 6), batches('fewer', 2, 2)],
};

const lost = (name: string, more: Json): Scenario => ({
  name: `traces by Zipkin: ${name}`,
  config: (ports, log) => tracing(ports, log, zipkin(more)),
  steps: [
    traced('a request', '/echo', { spans: 0 }),
    stats(
      'cluster.spans.upstream_rq_total',
      'cluster.nobody.upstream_rq_total',
      ...reports.map(name => `tracing.zipkin.${name}`),
    ),
  ],
});

export const lostReports: Scenario[] = [
  lost('a collector that answers otherwise', { collector_endpoint: '/echo' }),
  lost('a collector that does not answer', { collector_cluster: 'nobody' }),
  lost('a collector that breaks off', { collector_endpoint: '/disconnect' }),
];

export const sharedTries: Scenario = {
  name: 'traces by Zipkin: spans of tries, shared',
  config: (ports, log) => tracing(ports, log, zipkin(), { spawn_upstream_span: true }),
  steps: ownSpans.slice(0, 5),
};

export const outboundTries: Scenario = {
  name: 'traces by Zipkin: spans of tries of an outbound listener',
  config: (ports, log) => tracing(ports, log, zipkin(), { spawn_upstream_span: true }, { listener: outbound }),
  steps: [...ownSpans.slice(0, 2), traced('the service names it', '/told', { spans: 2 })],
};

export const outboundSpans: Scenario = {
  name: 'traces by Zipkin: of an outbound listener',
  config: (ports, log) => tracing(ports, log, zipkin(), {}, { listener: outbound }),
  steps: [
    traced('no context', '/echo'),
    traced('a parent', '/echo', { headers: b3(`x-b3-parentspanid: ${parentId}`, 'x-b3-sampled: 1') }),
    traced('a decorated route', '/decorated'),
    traced('the caller names it', '/echo', { headers: ['x-envoy-decorator-operation: mine'] }),
    traced('the service names it', '/told'),
  ],
};

export const noTracing: Scenario = {
  name: 'no traces',
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes,
      routeConfiguration: { validate_clusters: false },
      clusters: [cluster('raw', [ports.raw])],
    }),
  steps: [
    request('/echo', { headers: b3('x-b3-sampled: 1') }),
    request('/echo', { headers: [uuid('9')] }),
    request('/echo', { headers: ['x-client-trace-id: 1'] }),
    request('/decorated'),
    request('/never'),
    counted('nothing is counted'),
  ],
};

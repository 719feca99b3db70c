/** Access logs that a service is sent (envoy.access_loggers.http_grpc and tcp_grpc). */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type AccessLogService, accessLogService } from '../access-log-service.ts';
import { data, end, headers, post } from '../frames.ts';
import { raw, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, route } from './configuration.ts';
import { typed } from './filters.ts';
import { frames, overHttp2 } from './http2.ts';

type Json = Record<string, unknown>;

const common = (more: Json = {}): Json => ({
  log_name: 'a log',
  transport_api_version: 'V3',
  grpc_service: { envoy_grpc: { cluster_name: 'logs' }, initial_metadata: [{ key: 'x-more', value: 'told' }] },
  buffer_flush_interval: '0.1s',
  ...more,
});

const httpLog = (more: Json = {}, fields: Json = {}): Json => ({
  name: 'log',
  typed_config: typed('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
    common_config: common(more),
    ...fields,
  }),
});
const tcpLog = (more: Json = {}): Json => ({
  name: 'log',
  typed_config: typed('envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
    common_config: common(more),
  }),
});

/** Times and ports differ from run to run: what is there is compared, and how large it is where the sizes are fixed. */
function normal(value: unknown, compressed: boolean, name = ''): unknown {
  if (Array.isArray(value)) return value.map(one => normal(one, compressed));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, normal(inner, compressed, key)]),
    );
  if (/^(duration|timeTo\w+|startTime)$/.test(name)) return '<time>';
  // Who compresses heads of HTTP/2 may do it in several ways.
  if (/^upstream(Wire|Header)Bytes/.test(name) && compressed) return '<bytes>';
  if (name === 'portValue') return '<port>';
  if (name === 'requestId' || name === 'x-request-id' || name === 'streamId') return '<id>';
  return value;
}

interface Log {
  identifier?: Json;
  httpLogs?: { logEntry: Json[] };
  tcpLogs?: { logEntry: Json[] };
}

/** Who is logging, and each entry; how they are put together into messages depends on time. */
function told({ calls, messages }: AccessLogService): unknown {
  const logs = messages as Log[];
  const node = logs[0]?.identifier?.node as Json | undefined;
  return {
    calls: [...new Set(calls)],
    first: logs.findIndex(({ identifier }) => identifier !== undefined),
    logName: logs[0]?.identifier?.logName,
    node: node && { id: node.id, cluster: node.cluster, named: typeof node.userAgentName },
    entries: logs
      .flatMap(log => [...(log.httpLogs?.logEntry ?? []), ...(log.tcpLogs?.logEntry ?? [])])
      .map(one => normal(one, one.protocolVersion === 'HTTP2')),
  };
}

function scenario(
  name: string,
  config: Scenario['config'],
  steps: Step[],
  { entries, endsAfter = 0 }: { entries: number; endsAfter?: number },
): Scenario {
  let open: AccessLogService | undefined;
  const count = () =>
    (open!.messages as Log[]).reduce(
      (sum, { httpLogs, tcpLogs }) => sum + (httpLogs?.logEntry.length ?? 0) + (tcpLogs?.logEntry.length ?? 0),
      0,
    );
  return {
    name,
    config,
    args: ['--service-node', 'me', '--service-cluster', 'ours'],
    steps: [
      {
        name: 'the service is there',
        see: async ({ ports }) => {
          open = accessLogService(endsAfter);
          await once(open.server.listen(ports.nobody, '127.0.0.1'), 'listening');
        },
      },
      ...steps,
      {
        name: 'what the service was told',
        see: async () => {
          const until = Date.now() + 5000;
          while (count() < entries && Date.now() < until) await wait(20);
          open!.server.close();
          return told(open!);
        },
      },
      stats('access_logs.grpc_access_log.logs_written', 'access_logs.grpc_access_log.logs_dropped'),
    ],
  };
}

const router = {
  http_filters: [
    {
      name: 'router',
      typed_config: typed('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
    },
  ],
};

const services = (at: { nobody: number }): Json => cluster('logs', [at.nobody], overHttp2);

export const logServices: Scenario[] = [
  scenario(
    'access logs for a service',
    (at, log) =>
      bootstrap(at, log, {
        manager: {
          access_log: [
            httpLog(
              {
                custom_tags: [
                  { tag: 'literal', literal: { value: 'said' } },
                  { tag: 'header', request_header: { name: 'x-tag', default_value: 'none' } },
                  { tag: 'variable', environment: { name: 'UNICORN_NONE', default_value: 'unset' } },
                  { tag: 'nothing', request_header: { name: 'x-none' } },
                  ...['request', 'route', 'cluster', 'host'].map(kind => ({
                    tag: `of ${kind}`,
                    metadata: {
                      kind: { [kind]: {} },
                      metadata_key: { key: 'a', path: [{ key: 'key' }] },
                      default_value: 'none',
                    },
                  })),
                  {
                    tag: 'structure',
                    metadata: { kind: { route: {} }, metadata_key: { key: 'a', path: [{ key: 'list' }] } },
                  },
                  {
                    tag: 'number',
                    metadata: { kind: { route: {} }, metadata_key: { key: 'a', path: [{ key: 'number' }] } },
                  },
                ],
              },
              {
                additional_request_headers_to_log: ['x-Asked', 'x-none', ':method', 'x-twice'],
                additional_response_headers_to_log: ['content-type', ':status', 'x-none'],
                additional_response_trailers_to_log: ['x-trailer', 'x-none'],
              },
            ),
          ],
          use_remote_address: true,
          ...router,
        },
        routes: [
          {
            ...route('/get', 'raw', { prefix_rewrite: '/echo' }),
            name: 'a route',
            metadata: { filter_metadata: { a: { key: 'route', list: [1, { b: 'c' }], number: 1.5 } } },
          },
          { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'said' } } },
          route('/gone', 'gone', { retry_policy: { retry_on: 'connect-failure', num_retries: 1 } }),
          route('/trailers', 'two'),
          route('/echo', 'two'),
          route('/disconnect', 'raw'),
        ],
        clusters: [
          cluster('raw', [at.raw], { metadata: { filter_metadata: { a: { key: 'cluster' } } } }),
          cluster('gone', [1]),
          cluster('two', [at.http2], overHttp2),
          services(at),
        ],
      }),
    [
      request('/get?a=b', {
        headers: [
          'x-asked: 1',
          'x-twice: a',
          'x-twice: b',
          'x-tag: mine',
          'referer: b',
          'user-agent: c',
          'x-forwarded-for: 10.0.0.1',
        ],
      }),
      request('/direct', { method: 'DELETE' }),
      request('/direct', { method: 'OTHER', host: 'a:81' }),
      request('/gone'),
      request('/none'),
      request('/disconnect'),
      raw('no request', 'GET\r\n\r\n'),
      frames('HTTP/2 with trailers', [headers(1, post('/trailers'), 0), data(1, 'hello', end)]),
    ],
    { entries: 8 },
  ),
  scenario(
    'access logs for a service that ends its calls',
    (at, log) =>
      bootstrap(at, log, {
        manager: {
          access_log: [httpLog({ buffer_size_bytes: 0 })],
          access_log_options: { flush_access_log_on_new_request: true },
          ...router,
        },
        routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'said' } } }],
        clusters: [services(at)],
      }),
    [1, 2, 3].map(i => ({
      name: `request ${i}`,
      see: async place => {
        const seen = await request('/').see(place);
        await wait(300);
        return seen;
      },
    })),
    { entries: 6, endsAfter: 1 },
  ),
  scenario(
    'access logs of TCP for a service',
    at => ({
      admin: { address: address(at.admin) },
      static_resources: {
        listeners: [
          {
            name: 'main',
            address: address(at.listener),
            filter_chains: [
              {
                filters: [
                  {
                    name: 'tcp',
                    typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                      stat_prefix: 'tcp',
                      cluster: 'raw',
                      access_log: [tcpLog()],
                      access_log_options: { flush_access_log_on_connected: true },
                    }),
                  },
                ],
              },
            ],
          },
        ],
        clusters: [cluster('raw', [at.raw]), services(at)],
      },
    }),
    [raw('bytes go both ways', 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n')],
    { entries: 2 },
  ),
];

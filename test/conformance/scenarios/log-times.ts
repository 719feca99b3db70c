/** When access logs are written: as requests begin, from time to time, as tunnels open. */
import { accessLog, raw, request, type Scenario } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { typed } from './filters.ts';
import { accept, endBoth, talk, upgrade } from './upgrade-steps.ts';

const format =
  '%ACCESS_LOG_TYPE% %REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% code=%RESPONSE_CODE% flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS% %ROUTE_NAME% %UPSTREAM_CLUSTER% ' +
  'host=%UPSTREAM_HOST% tries=%UPSTREAM_REQUEST_ATTEMPT_COUNT% %BYTES_RECEIVED% %BYTES_SENT% wire=%DOWNSTREAM_WIRE_BYTES_RECEIVED%,%DOWNSTREAM_WIRE_BYTES_SENT%,%UPSTREAM_WIRE_BYTES_RECEIVED%,%UPSTREAM_WIRE_BYTES_SENT% ' +
  'duration=%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESP(content-type)% %REQ(x-request-id)%\n';

/** Times are there or not; addresses and ids are. */
const normal = (line: string): string =>
  line
    .replace(
      /(duration=)(\S+) (\S+) (\S+)/,
      (_, name, ...times: string[]) =>
        `${name}${times
          .slice(0, 3)
          .map(time => (time === '-' ? '-' : 'ms'))
          .join(' ')}`,
    )
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/[0-9a-f-]{36}/, '<id>');

/** It adds nothing whose length depends on time. */
const quietRouter = {
  http_filters: [
    {
      name: 'router',
      typed_config: typed('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
    },
  ],
};

export const logTimes: Scenario[] = [
  {
    name: 'access logs of requests that begin, and of tunnels',
    config: (at, log) =>
      bootstrap(at, log, {
        manager: {
          access_log: [fileLog(log, format)],
          access_log_options: {
            flush_access_log_on_new_request: true,
            flush_log_on_tunnel_successfully_established: true,
          },
          upgrade_configs: [{ upgrade_type: 'websocket' }],
          use_remote_address: true,
          ...quietRouter,
        },
        routes: [
          { ...route('/echo', 'raw'), name: 'echo' },
          route('/say', 'raw'),
          route('/switching', 'raw'),
          { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'a' } } },
          route('/gone', 'gone'),
          route('/tunnel', 'host'),
        ],
        clusters: [cluster('raw', [at.raw]), cluster('gone', [1]), cluster('host', [at.nobody])],
      }),
    steps: [
      request('/echo'),
      request('/direct'),
      request('/gone'),
      request('/none'),
      raw('no request', 'GET\r\n\r\n'),
      raw('no host', 'GET / HTTP/1.1\r\n\r\n'),
      raw(
        'an upgrade',
        'GET /say?%7B%22lines%22%3A%5B%5D%2C%22pieces%22%3A%5B%5D%7D HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
        false,
        300,
      ),
      raw(
        'an upgrade that is not allowed',
        'GET /switching HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: a\r\n\r\n',
        false,
        300,
      ),
      tunnel('a tunnel', upgrade('/tunnel'), async all => {
        const host = await accept(all);
        await talk(all, host);
        await endBoth(all, host);
      }),
      accessLog(17, normal),
    ],
  },
  {
    name: 'access logs from time to time',
    config: (at, log) =>
      bootstrap(at, log, {
        manager: {
          access_log: [fileLog(log, format)],
          access_log_options: { access_log_flush_interval: '0.4s' },
          ...quietRouter,
        },
        routes: [route('/silent', 'raw', { timeout: '1s' }), route('/', 'raw')],
        clusters: [cluster('raw', [at.raw])],
      }),
    steps: [request('/echo'), request('/silent'), accessLog(4, normal)],
  },
  {
    name: 'access logs of TCP connections that begin, and from time to time',
    config: (at, log) => ({
      admin: { address: address(at.admin) },
      static_resources: {
        listeners: [at.listener, at.nobody].map((port, i) => ({
          name: `l${i}`,
          address: address(port),
          filter_chains: [
            {
              filters: [
                {
                  name: 'tcp',
                  typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                    stat_prefix: 'tcp',
                    cluster: i === 0 ? 'raw' : 'gone',
                    access_log: [fileLog(log, format)],
                    idle_timeout: '1s',
                    access_log_options: { access_log_flush_interval: '0.4s', flush_access_log_on_connected: true },
                  }),
                },
              ],
            },
          ],
        })),
        clusters: [cluster('raw', [at.raw]), cluster('gone', [1])],
      },
    }),
    steps: [
      raw('bytes go both ways', 'GET /echo HTTP/1.1\r\nhost: a\r\n\r\n'),
      accessLog(2, normal),
      raw('idle', 'GET /silent HTTP/1.1\r\nhost: a\r\n\r\n', true),
      {
        name: 'nobody there',
        see: place => request('/').see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
      },
      accessLog(7, normal),
    ],
  },
];

/** CONNECT: ended here and passed on as TCP, or passed on as it is. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, type Scenario, type Step, stats } from '../scenario.ts';
import { type Tunnel, tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog } from './configuration.ts';

type Json = Record<string, unknown>;

const connect = (authority: string, ...headers: string[]): string =>
  [`CONNECT ${authority} HTTP/1.1`, `host: ${authority}`, ...headers, '', ''].join('\r\n');

const head = (status: string, ...headers: string[]): string => [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n');

/** The client's side of a refusal, and that what it sends then is not read as a request. */
async function refusal({ client }: Tunnel): Promise<void> {
  await client.until('\r\n\r\n');
  client.send('GET / HTTP/1.1\r\nhost: get.test\r\n\r\n');
  await wait(200);
}

const terminated: Step[] = [
  tunnel('TCP, ended by the client', connect('tcp.test:80', 'x-a: b'), async ({ client, host }) => {
    await client.until('\r\n\r\n');
    client.send('ping');
    const there = await host();
    await there.until('ping');
    there.send('pong');
    await client.until('pong');
    client.finish();
    await there.over();
    there.finish();
    await client.over();
  }),
  tunnel('TCP, ended by the host', connect('tcp.test:80'), async ({ client, host }) => {
    await client.until('\r\n\r\n');
    const there = await host();
    there.send('bye');
    there.finish();
    await client.over();
    client.send('late');
    await wait(100);
    const state = there.seen.state;
    client.finish();
    await there.over();
    return state;
  }),
  tunnel('TCP, the host resets', connect('tcp.test:80'), async ({ client, host }) => {
    await client.until('\r\n\r\n');
    (await host()).reset();
    await client.over();
  }),
  tunnel('TCP, the client resets', connect('tcp.test:80'), async ({ client, host }) => {
    await client.until('\r\n\r\n');
    const there = await host();
    client.reset();
    await there.over();
  }),
  tunnel('the host speaks first', connect('tcp.test:80'), async ({ client, host }) => {
    (await host()).send('welcome');
    await client.until('welcome');
  }),
  tunnel('bytes that come with the request', `${connect('tcp.test:80')}early GET / HTTP/1.1\r\n\r\n`, async all => {
    const there = await all.host();
    await there.until('early GET / HTTP/1.1\r\n\r\n');
    await all.client.until('\r\n\r\n');
  }),
  tunnel('a length of nothing', `${connect('tcp.test:80', 'content-length: 0')}early`, async all => {
    await (await all.host()).until('early');
    await all.client.until('\r\n\r\n');
  }),
  tunnel('a length', `${connect('tcp.test:80', 'content-length: 4')}body`, refusal),
  tunnel('chunks', `${connect('tcp.test:80', 'transfer-encoding: chunked')}0\r\n\r\n`, refusal),
  tunnel('idle', connect('idle.test:80'), async all => {
    const there = await all.host();
    await all.client.over();
    await there.over();
  }),
  tunnel('longer than the time of the route', connect('quick.test:80'), async all => {
    await all.client.until('\r\n\r\n');
    await wait(600);
    all.client.send('ping');
    await (await all.host()).until('ping');
  }),
  tunnel('nobody there', connect('gone.test:80'), refusal),
  tunnel('no host in the cluster', connect('empty.test:80'), refusal),
  tunnel('nobody there, tried again', connect('retried.test:80'), refusal),
  tunnel('a host without a port', connect('tcp.test'), refusal),
  tunnel('a path', 'CONNECT /a HTTP/1.1\r\nhost: tcp.test:80\r\n\r\n', refusal),
  tunnel('a host of another name', 'CONNECT tcp.test:80 HTTP/1.1\r\nhost: other.test\r\n\r\n', refusal),
  tunnel('no host at all', 'CONNECT tcp.test:80 HTTP/1.1\r\n\r\n', refusal),
  tunnel('an IPv6 address', connect('[::1]:80'), refusal),
  tunnel('GET of a route for CONNECT', 'GET / HTTP/1.1\r\nhost: tcp.test:80\r\n\r\n', refusal),
  tunnel('CONNECT of a route for paths', connect('get.test:80'), refusal),
  tunnel('CONNECT that is not allowed', connect('off.test:80'), refusal),
  tunnel('CONNECT that nothing is said of', connect('nothing.test:80'), refusal),
  tunnel('CONNECT with an upgrade', connect('tcp.test:80', 'connection: upgrade', 'upgrade: websocket'), async all => {
    await all.client.until('\r\n\r\n');
  }),
  tunnel('POST', 'POST /a HTTP/1.1\r\nhost: post.test:80\r\ncontent-length: 4\r\n\r\nbody', async all => {
    await all.client.until('\r\n\r\n');
    await wait(200);
  }),
  tunnel('CONNECT where POST is allowed', connect('post.test:80'), async ({ client, host }) => {
    await client.until('\r\n\r\n');
    client.send('ping');
    const there = await host();
    await there.until('ping');
  }),
  tunnel('answered here', connect('direct.test:80'), refusal),
];

const proxied: Step[] = [
  tunnel('passed on', connect('proxy.test:80', 'x-a: b'), async ({ client, host }) => {
    const there = await host();
    await there.until('\r\n\r\n');
    there.send(head('200 OK', 'x-c: d'));
    await client.until('\r\n\r\n');
    client.send('ping');
    await there.until('ping');
    there.send('pong');
    await client.until('pong');
    client.finish();
    await there.over();
    there.finish();
    await client.over();
  }),
  tunnel('with bytes on both sides', `${connect('proxy.test:80')}early`, async ({ client, host }) => {
    const there = await host();
    await there.until('\r\n\r\n');
    await wait(100);
    const before = there.received.endsWith('early');
    there.send(`${head('200 OK')}HTTP/1.1 200 OK\r\n\r\n`);
    await there.until('early');
    await client.until('200 OK\r\n\r\n');
    return before;
  }),
  tunnel('a 200 with a length', connect('proxy.test:80'), async ({ client, host }) => {
    const there = await host();
    await there.until('\r\n\r\n');
    there.send(`${head('200 OK', 'content-length: 0')}welcome`);
    await client.until('welcome');
    await wait(100);
  }),
  tunnel('a 200 with chunks', connect('proxy.test:80'), async ({ client, host }) => {
    const there = await host();
    await there.until('\r\n\r\n');
    there.send(`${head('200 OK', 'transfer-encoding: chunked')}0\r\n\r\nwelcome`);
    await client.until('\r\n\r\n');
    await wait(100);
  }),
  ...['407 Proxy Authentication Required', '502 Bad Gateway', '302 Found'].map(status =>
    tunnel(`answered with ${status}`, `${connect('proxy.test:80')}early`, async all => {
      const there = await all.host();
      await there.until('\r\n\r\n');
      there.send(`${head(status, 'content-length: 2')}no`);
      await refusal(all);
      await all.client.until('no');
    }),
  ),
  tunnel('no answer within the time of the route', connect('quick-proxy.test:80'), async all => {
    await (await all.host()).until('\r\n\r\n');
    await wait(800);
    return all.client.received;
  }),
  tunnel('answered with 101', connect('proxy.test:80'), async all => {
    const there = await all.host();
    await there.until('\r\n\r\n');
    there.send(head('101 Switching Protocols', 'connection: upgrade', 'upgrade: a'));
    await all.client.until('\r\n\r\n');
    await wait(100);
  }),
];

const managerStats = `downstream_cx_upgrades_total downstream_cx_upgrades_active downstream_rq_ws_on_non_ws_route downstream_rq_total rq_total
no_route downstream_rq_active downstream_rq_1xx downstream_rq_2xx downstream_rq_4xx downstream_rq_5xx downstream_rq_completed
downstream_rq_rx_reset downstream_rq_tx_reset downstream_cx_protocol_error downstream_rq_idle_timeout downstream_rq_response_before_rq_complete
downstream_cx_destroy_remote_active_rq downstream_cx_destroy_local_active_rq downstream_cx_active`;
const clusterStats = `upstream_cx_total upstream_cx_active upstream_rq_total upstream_rq_active upstream_cx_destroy_local_with_active_rq
upstream_cx_destroy_remote_with_active_rq upstream_cx_destroy_local upstream_cx_destroy_remote upstream_cx_protocol_error upstream_rq_completed
upstream_rq_200 upstream_rq_1xx upstream_rq_2xx upstream_rq_timeout upstream_rq_tx_reset upstream_rq_rx_reset upstream_rq_retry
upstream_cx_http1_total upstream_cx_rx_bytes_total upstream_rq_pending_total upstream_rq_pending_active`;

const counts = stats(
  ...managerStats.split(/\s+/).map(name => `http.ingress.${name}`),
  ...clusterStats.split(/\s+/).map(name => `cluster.host.${name}`),
);

const format =
  '%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %ROUTE_NAME%\n';

/** Routes of CONNECT to one host name. */
function connectHost(name: string, clusterName: string, more: Json = {}, configuration: Json = { connect_config: {} }) {
  const upgradeConfig = { upgrade_type: 'CONNECT', ...configuration };
  const action = { cluster: clusterName, upgrade_configs: [upgradeConfig], ...more };
  return {
    name,
    domains: [`${name}.test`, `${name}.test:80`],
    routes: [{ name: 'connect', match: { connect_matcher: {} }, route: action }],
  };
}

const scenario = (name: string, steps: Step[]): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        access_log: [fileLog(log, format)],
        delayed_close_timeout: '0.1s',
        upgrade_configs: [{ upgrade_type: 'websocket' }],
      },
      virtualHosts: [
        connectHost('tcp', 'host'),
        connectHost('quick', 'host', { timeout: '0.3s' }),
        connectHost('idle', 'host', { idle_timeout: '0.3s' }),
        connectHost('gone', 'gone'),
        connectHost('empty', 'empty'),
        connectHost('retried', 'gone', { retry_policy: { retry_on: 'connect-failure', num_retries: 2 } }),
        connectHost('off', 'host', {}, { enabled: false }),
        connectHost('nothing', 'host', { upgrade_configs: [] }),
        connectHost('proxy', 'host', {}, {}),
        connectHost('quick-proxy', 'host', { timeout: '0.3s' }, {}),
        {
          ...connectHost('post', 'host', {}, { connect_config: { allow_post: true } }),
          routes: [
            { match: { connect_matcher: {} }, route: postRoute },
            { match: { prefix: '/' }, route: postRoute },
          ],
        },
        {
          ...connectHost('direct', 'host'),
          routes: [{ match: { connect_matcher: {} }, direct_response: { status: 200, body: { inline_string: 'hi' } } }],
        },
        {
          name: 'get',
          domains: ['get.test', 'get.test:80'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'got' } } }],
        },
        {
          name: 'addresses',
          domains: ['*'],
          routes: [{ match: { connect_matcher: {} }, route: { cluster: 'host' } }],
        },
      ],
      clusters: [cluster('host', [ports.nobody]), cluster('gone', [1]), cluster('empty', [])],
    }),
  steps: [...steps, counts, accessLog(steps.length)],
});

const postRoute = {
  cluster: 'host',
  upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: { allow_post: true } }],
};

export const connects: Scenario[] = [
  scenario('CONNECT ended here', terminated),
  scenario('CONNECT passed on', proxied),
];

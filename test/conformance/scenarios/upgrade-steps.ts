/** Parts of the scenarios of upgrades: heads, what both ends do, the configuration, what is counted. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, readStats, type Scenario, type Step, stats } from '../scenario.ts';
import type { End, Tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

export const upgrade = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'host: a', ...headers, 'connection: Upgrade', 'upgrade: websocket', '', ''].join('\r\n');

export const other = (path: string, ...headers: string[]): string =>
  upgrade(path, ...headers).replace('upgrade: websocket', 'upgrade: other');

export const head = (status: string, ...headers: string[]): string =>
  [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n');
export const switching = head('101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket');

/** Takes the upgrade; what was sent with it is here then. */
export async function accept({ client, host }: Tunnel, answer = switching): Promise<End> {
  const there = await host();
  await there.until('\r\n\r\n');
  there.send(answer);
  await client.until('\r\n\r\n');
  return there;
}

/** A word each way. */
export async function talk({ client }: Tunnel, host: End): Promise<void> {
  const [before, after] = [host.received.length, client.received.length];
  client.send('ping');
  await host.untilLength(before + 4);
  host.send('pong');
  await client.untilLength(after + 4);
}

const active = 'http.ingress.downstream_cx_upgrades_active';

export async function activeUpgrades({ place }: Tunnel, wanted: string): Promise<string | undefined> {
  const end = Date.now() + 2000;
  for (;;) {
    const now = (await readStats(place.ports.admin, [active]))[active];
    if (now === wanted || Date.now() > end) return now;
    await wait(10);
  }
}

/** The client ends, then the host. */
export async function endBoth({ client }: Tunnel, host: End): Promise<void> {
  client.finish();
  await host.over();
  host.finish();
  await client.over();
}

const names = `downstream_cx_upgrades_total downstream_cx_upgrades_active downstream_rq_ws_on_non_ws_route downstream_rq_total rq_total
downstream_rq_active downstream_rq_1xx downstream_rq_2xx downstream_rq_3xx downstream_rq_4xx downstream_rq_5xx downstream_rq_completed downstream_cx_destroy_remote_active_rq
downstream_cx_destroy_local_active_rq downstream_rq_rx_reset downstream_rq_tx_reset downstream_cx_protocol_error
downstream_rq_idle_timeout downstream_rq_response_before_rq_complete downstream_cx_destroy downstream_cx_drain_close downstream_cx_active`;
const clusterNames = `upstream_cx_total upstream_cx_active upstream_rq_total upstream_rq_active upstream_cx_destroy_local_with_active_rq
upstream_cx_destroy_remote_with_active_rq upstream_cx_destroy_local upstream_cx_destroy_remote upstream_cx_protocol_error upstream_rq_completed upstream_rq_101 upstream_rq_1xx
upstream_rq_2xx upstream_rq_timeout upstream_rq_tx_reset upstream_rq_rx_reset upstream_rq_retry upstream_rq_per_try_timeout upstream_rq_cancelled upstream_cx_http1_total`;
export const counts = stats(
  ...names.split(/\s+/).map(name => `http.ingress.${name}`),
  ...clusterNames.split(/\s+/).map(name => `cluster.host.${name}`),
);

export const upgradeLog =
  '%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %REQ(UPGRADE)% %RESP(UPGRADE)% %CONNECTION_TERMINATION_DETAILS%\n';

export const upgradeScenario = (name: string, steps: Step[], lines: number, managed: string[] = []): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        access_log: [fileLog(log, upgradeLog)],
        upgrade_configs: [
          { upgrade_type: 'websocket' },
          { upgrade_type: 'SHOUTED' },
          { upgrade_type: 'off', enabled: false },
          ...managed.map(upgrade_type => ({ upgrade_type })),
        ],
        delayed_close_timeout: '0.1s',
      },
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'answered here' } } },
        { match: { prefix: '/redirect' }, redirect: { path_redirect: '/' } },
        route('/not-here', 'host', { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] }),
        route('/only-other', 'host', {
          upgrade_configs: [{ upgrade_type: 'other' }, { upgrade_type: 'websocket', enabled: false }],
        }),
        route('/quick-try', 'host', {
          retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.3s' },
        }),
        route('/quick', 'host', { timeout: '0.4s' }),
        route('/idle', 'host', { idle_timeout: '0.4s' }),
        route('/retry', 'host', { retry_policy: { retry_on: '5xx', num_retries: 2 } }),
        route('/gone', 'gone', { retry_policy: { retry_on: '5xx', num_retries: 1 } }),
        { ...route('/head', 'host'), request_headers_to_add: [{ header: { key: 'x-added', value: '%PROTOCOL%' } }] },
        ...['/'].map(prefix => route(prefix, 'host')),
      ],
      clusters: [cluster('host', [ports.nobody]), cluster('gone', [1])],
    }),
  steps: [...steps, counts, accessLog(lines)],
});

/** Upgrades and what stands around them: filters, copies, readers that do not read. */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, type Place, readStats, type Scenario, type Step, stats } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { chain, typed } from './filters.ts';
import { accept, counts, endBoth, other, switching, talk, upgrade, upgradeLog } from './upgrade-steps.ts';

const fault = 'envoy.extensions.filters.http.fault.v3.HTTPFault';
const mutation = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
const buffer = 'envoy.extensions.filters.http.buffer.v3.Buffer';

const appended = (key: string) => ({ append: { header: { key, value: 'set' } } });
const mutations = { request_mutations: [appended('x-up')], response_mutations: [appended('x-down')] };
const buffered = {
  typed_per_filter_config: {
    buffer: { '@type': `type.googleapis.com/${buffer}PerRoute`, buffer: { max_request_bytes: 8 } },
  },
};

const steps: Step[] = [
  tunnel('changed by a filter', upgrade('/'), async all => {
    const host = await accept(all);
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('answered by a filter', upgrade('/', 'x-envoy-fault-abort-request: 418'), async ({ client }) => {
    await client.until('\r\n\r\n');
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.over();
  }),
  tunnel('held back by a filter', `${upgrade('/', 'x-envoy-fault-delay-request: 200')}early`, async all => {
    const host = await accept(all);
    await host.until('early');
    await endBoth(all, host);
  }),
  tunnel('buffered whole, which never is', `${upgrade('/buffered')}early`, async all => {
    await wait(300);
    const { received } = all.client;
    all.client.send('too much');
    await all.client.over();
    return { received, connections: all.connections() };
  }),
  tunnel('copied to another cluster', upgrade('/copied'), async all => {
    const host = await accept(all);
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('with filters of its own', other('/'), async all => {
    const host = await accept(all, switching.replace('websocket', 'other'));
    await talk(all, host);
    await endBoth(all, host);
  }),
];

const filtered: Scenario = {
  name: 'upgrades and filters',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        ...chain(
          {
            name: 'fault',
            typed_config: typed(fault, {
              abort: { header_abort: {}, percentage: { numerator: 100 } },
              delay: { header_delay: {}, percentage: { numerator: 100 } },
            }),
          },
          { name: 'mutation', typed_config: typed(mutation, { mutations }) },
          { name: 'buffer', typed_config: typed(buffer, { max_request_bytes: 8 }) },
        ),
        access_log: [fileLog(log, upgradeLog)],
        upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'other', filters: chain().http_filters }],
        delayed_close_timeout: '0.1s',
      },
      routes: [
        { ...route('/buffered', 'host'), ...buffered },
        {
          ...route('/copied', 'host', { request_mirror_policies: [{ cluster: 'raw' }] }),
          typed_per_filter_config: { buffer: { '@type': `type.googleapis.com/${buffer}PerRoute`, disabled: true } },
        },
        {
          ...route('/', 'host'),
          typed_per_filter_config: { buffer: { '@type': `type.googleapis.com/${buffer}PerRoute`, disabled: true } },
        },
      ],
      clusters: [cluster('host', [ports.nobody]), cluster('raw', [ports.raw])],
    }),
  steps: [...steps, counts, stats('cluster.raw.upstream_rq_total'), accessLog(steps.length)],
};

const paused = 'cluster.host.upstream_flow_control_paused_reading_total';
const resumed = 'cluster.host.upstream_flow_control_resumed_reading_total';
const clientPaused = 'http.ingress.downstream_flow_control_paused_reading_total';
const clientResumed = 'http.ingress.downstream_flow_control_resumed_reading_total';
const toClient = 'http.ingress.downstream_cx_tx_bytes_buffered';
const toHost = 'cluster.host.upstream_cx_tx_bytes_buffered';
const limit = 64 << 10;

async function settled({ ports }: Place, until: string): Promise<Record<string, number>> {
  const end = Date.now() + 10_000;
  for (let last = ''; ; await wait(200)) {
    const texts = await readStats(ports.admin, [paused, resumed, clientPaused, clientResumed, toClient, toHost]);
    const now = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Number(text)]));
    if ((JSON.stringify(now) === last && now[until]! > 0) || Date.now() > end) return now;
    last = JSON.stringify(now);
  }
}

const many = 20 << 20;

/** Sends many bytes as fast as they are taken. */
function pour(socket: Socket): void {
  const chunk = Buffer.alloc(64 << 10, '.');
  let left = many;
  const write = () => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', write);
        return;
      }
    }
  };
  write();
}

const aboutLimit = (held: number): unknown => (held > 0 && held < limit + 512 * 1024 ? 'about its limit' : held);

async function takes(socket: Socket): Promise<number> {
  let taken = 0;
  socket.removeAllListeners('data').on('data', chunk => {
    taken += chunk.length;
  });
  socket.resume();
  const end = Date.now() + 10_000;
  while (taken < many && Date.now() < end) await wait(20);
  return taken;
}

const slowSteps: Step[] = [
  tunnel('a client that does not read', upgrade('/'), async all => {
    const host = await accept(all);
    all.client.socket.pause();
    pour(host.socket);
    const now = await settled(all.place, paused);
    const stopped = now[paused]! - now[resumed]!;
    const all_ = await takes(all.client.socket);
    return { stopped, held: aboutLimit(now[toClient]!), whole: all_ };
  }),
  tunnel('a host that does not read', upgrade('/'), async all => {
    const host = await accept(all);
    host.socket.pause();
    pour(all.client.socket);
    const now = await settled(all.place, clientPaused);
    const stopped = now[clientPaused]! - now[clientResumed]!;
    const whole = await takes(host.socket);
    return { stopped, held: aboutLimit(now[toHost]!), whole };
  }),
  tunnel('a host that has not granted it', upgrade('/'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    pour(all.client.socket);
    const before = await settled(all.place, clientPaused);
    host.send(switching);
    const whole = await takes(host.socket);
    return { stopped: before[clientPaused]! > before[clientResumed]!, whole };
  }),
];

const slow: Scenario = {
  name: 'upgrades with slow ends',
  config: (ports, log) => {
    const whole = bootstrap(ports, log, {
      manager: { upgrade_configs: [{ upgrade_type: 'websocket' }] },
      routes: [route('/', 'host')],
      clusters: [cluster('host', [ports.nobody], { per_connection_buffer_limit_bytes: limit })],
    });
    const { listeners } = whole.static_resources as { listeners: Record<string, unknown>[] };
    for (const listener of listeners) listener.per_connection_buffer_limit_bytes = limit;
    return whole;
  },
  steps: slowSteps,
};

export const upgradeSurroundings: Scenario[] = [filtered, slow];

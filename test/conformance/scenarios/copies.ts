/** Copies of requests that are under way for long: bodies that come slowly, upgrades. */
import { setTimeout as wait } from 'node:timers/promises';
import { readStats, request, type Scenario, stats } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { switching, upgrade } from './upgrade-steps.ts';

const post = (path: string, length: number, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${body}`;
const copiedTo = (name: string) => ({ request_mirror_policies: [{ cluster: name }] });
const paused = 'http.ingress.downstream_flow_control_paused_reading_total';
const limit = 64 << 10;
const much = 8 << 20;

const names =
  `upstream_rq_total upstream_rq_active upstream_rq_completed upstream_rq_200 upstream_rq_503 internal.upstream_rq_completed
retry_or_shadow_abandoned upstream_rq_tx_reset upstream_cx_destroy_local_with_active_rq`.split(/\s+/);

export const copies: Scenario = {
  name: 'copies on the way',
  config: (ports, log) => {
    const whole = bootstrap(ports, log, {
      manager: { upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'CONNECT' }] },
      routes: [
        { match: { connect_matcher: {} }, route: { cluster: 'copies', ...copiedTo('raw') } },
        route('/original', 'copies', copiedTo('raw')),
        route('/last', 'raw'),
        route('/', 'raw', copiedTo('copies')),
      ],
      clusters: [
        cluster('raw', [ports.raw], { per_connection_buffer_limit_bytes: limit }),
        cluster('copies', [ports.nobody], { per_connection_buffer_limit_bytes: limit }),
      ],
    });
    const { listeners } = whole.static_resources as { listeners: Record<string, unknown>[] };
    for (const listener of listeners) listener.per_connection_buffer_limit_bytes = limit;
    return whole;
  },
  steps: [
    tunnel('a body that comes slowly', post('/echo-body', 10, 'hello'), async ({ client, host }) => {
      const copy = await host();
      await copy.until('hello');
      client.send('world');
      await copy.until('world');
      await client.until('world');
    }),
    tunnel('a client that leaves', post('/echo-body', 10, 'hello'), async ({ client, host }) => {
      const copy = await host();
      await copy.until('hello');
      client.reset();
      await copy.over();
    }),
    tunnel('a copy that fails', post('/echo-body', 10, 'hello'), async ({ client, host }) => {
      const copy = await host();
      await copy.until('hello');
      copy.reset();
      await wait(100);
      client.send('world');
      await client.until('world');
    }),
    tunnel('a copy that is answered early', post('/echo-body', 10, 'hello'), async ({ client, host }) => {
      const copy = await host();
      await copy.until('hello');
      copy.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno');
      await copy.over();
      client.send('world');
      await client.until('world');
    }),
    {
      name: 'a copy that is not read',
      see: async place => {
        let seen: unknown;
        const step = tunnel('', post('/echo', much, ''), async ({ client, host }) => {
          const copy = await host();
          copy.socket.pause();
          client.socket.write(Buffer.alloc(much, '.'));
          const until = Date.now() + 5000;
          while ((await readStats(place.ports.admin, [paused]))[paused] === '0' && Date.now() < until) await wait(20);
          seen = (await readStats(place.ports.admin, [paused]))[paused] !== '0';
          copy.socket.resume();
          await client.until('\r\n\r\n');
          await copy.untilLength(much);
        });
        await step.see(place);
        return { paused: seen };
      },
    },
    { name: 'what came before is forgotten', see: async place => void (await request('/last').see(place)) },
    tunnel('an upgrade', upgrade('/websocket'), async ({ client, host }) => {
      const copy = await host();
      await client.until('welcome');
      client.send('ping');
      await copy.until('ping');
      copy.send(`${switching}not heard`);
      client.send('more');
      await copy.until('more');
      client.finish();
      await copy.over();
    }),
    tunnel('an upgrade whose copy is refused', upgrade('/original'), async ({ client, host }) => {
      const original = await host();
      await original.until('\r\n\r\n');
      original.send(switching);
      await client.until('\r\n\r\n');
      client.send('ping');
      await original.until('ping');
      client.finish();
      await original.over();
    }),
    tunnel(
      'CONNECT, of which there are no copies',
      'CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n',
      async ({ client, host }) => {
        const original = await host();
        await original.until('\r\n\r\n');
        original.send('HTTP/1.1 200 OK\r\n\r\n');
        await client.until('\r\n\r\n');
        client.finish();
        await original.over();
      },
    ),
    request('/last'),
    stats(...['raw', 'copies'].flatMap(name => names.map(one => `cluster.${name}.${one}`))),
  ],
};

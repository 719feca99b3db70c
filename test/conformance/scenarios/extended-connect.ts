/** Other protocols by CONNECT over HTTP/2 (RFC 8441): what is a WebSocket in HTTP/1. */
import { once } from 'node:events';
import { type ClientHttp2Stream, connect, createServer } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { headers, talk as talkFrames } from '../frames.ts';
import { accessLog, type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { type End, tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { frames, refused } from './http2.ts';
import { http2, responded, Seen, told } from './upgrade-http2.ts';
import { head, switching, upgradeLog } from './upgrade-steps.ts';

const protocol = (path: string, name = 'websocket', ...more: string[]): string[] => [
  ':method: CONNECT',
  `:protocol: ${name}`,
  ':scheme: http',
  ':authority: a',
  `:path: ${path}`,
  ...more,
];

interface Asked {
  stream: ClientHttp2Stream;
  seen: Seen;
  head: Promise<unknown>;
}

/** A client of HTTP/2 that asks for a protocol once it knows that it may. */
async function ask(
  place: Place,
  path: string,
  name: string,
  use: (asked: Asked) => Promise<unknown>,
): Promise<unknown> {
  const session = connect(`http://127.0.0.1:${place.ports.listener}`).on('error', () => {});
  try {
    const [settings] = await once(session, 'remoteSettings');
    if (!settings.enableConnectProtocol) return 'it may not';
    const stream = session.request(
      { ':method': 'CONNECT', ':protocol': name, ':path': path, ':authority': 'a', ':scheme': 'http', 'x-a': 'b' },
      { endStream: false },
    );
    return await use({ stream, seen: new Seen(stream), head: responded(stream) });
  } finally {
    session.destroy();
  }
}

/** A step: a client that asks for a protocol, and the tunnel's host. */
function asks(
  name: string,
  path: string,
  script: (asked: Asked, host: () => Promise<End>) => Promise<unknown>,
  wanted = 'websocket',
): Step {
  return tunnel(name, '', async ({ client, host, place }) => {
    client.reset();
    return ask(place, path, wanted, async asked => {
      const more = await script(asked, host);
      return { more, head: await asked.head, text: asked.seen.text, ended: asked.seen.ended, code: asked.seen.code };
    });
  });
}

/** Answers what was asked for, and then each says a word. */
async function talk(
  { stream, seen, head: answered }: Asked,
  host: () => Promise<End>,
  answer = switching,
): Promise<End> {
  const there = await host();
  await there.until('\r\n\r\n');
  there.send(answer);
  await answered;
  stream.write('ping');
  await there.until('ping');
  there.send('pong');
  await seen.until(({ text }) => text.includes('pong'));
  return there;
}

/** A step: the same with a host of HTTP/2. */
function toHttp2(name: string, path: string, answer: Record<string, string | number>): Step {
  return {
    name,
    see: async place => {
      const server = createServer({ settings: { enableConnectProtocol: true } }).on('sessionError', () => {});
      const sessions: { destroy(): void }[] = [];
      let head: unknown;
      let host: Seen | undefined;
      server.on('session', session => sessions.push(session));
      server.on('stream', (stream, fields) => {
        head = told(fields);
        host = new Seen(stream);
        stream.respond(answer);
        stream.write('welcome');
        stream.on('end', () => stream.end('bye'));
      });
      await once(server.listen(place.ports.nobody, '127.0.0.1'), 'listening');
      try {
        const client = await ask(place, path, 'websocket', async ({ stream, seen, head: answered }) => {
          await answered;
          stream.write('ping');
          await host?.until(({ text }) => text.includes('ping'));
          stream.end();
          await seen.until(({ code }) => code !== undefined);
          return { answered: await answered, text: seen.text, ended: seen.ended, code: seen.code };
        });
        return { client, head, host: host?.text };
      } finally {
        for (const session of sessions) session.destroy();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

const names =
  `downstream_cx_upgrades_total downstream_cx_upgrades_active downstream_rq_ws_on_non_ws_route downstream_rq_total downstream_rq_active no_route
downstream_rq_rx_reset downstream_rq_tx_reset downstream_rq_2xx downstream_rq_1xx downstream_rq_4xx downstream_cx_protocol_error`.split(
    /\s+/,
  );

const config =
  (options: Record<string, unknown>): Scenario['config'] =>
  (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        access_log: [fileLog(log, upgradeLog)],
        http2_protocol_options: options,
        upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'Other' }],
        delayed_close_timeout: '0.1s',
      },
      routes: [
        {
          match: { connect_matcher: {} },
          route: { cluster: 'host', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
        },
        route('/host2', 'host2'),
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'answered here' } } },
        route('/not-here', 'host', { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] }),
        route('/nobody', 'gone'),
        route('/host', 'host'),
      ],
      clusters: [cluster('host', [ports.nobody]), cluster('host2', [ports.nobody], http2), cluster('gone', [1])],
    });

export const extendedConnect: Scenario[] = [
  {
    name: 'protocols by CONNECT over HTTP/2',
    config: config({ allow_connect: true }),
    steps: [
      asks('a WebSocket that the client ends', '/host', async (asked, host) => {
        const there = await talk(asked, host);
        asked.stream.end();
        await wait(200);
        const { state } = there.seen;
        there.finish();
        await asked.seen.until(({ code }) => code !== undefined);
        return state;
      }),
      asks('a WebSocket that the host ends', '/host', async (asked, host) => {
        const there = await talk(asked, host);
        there.finish();
        await asked.seen.until(({ ended }) => ended);
        asked.stream.end();
        await there.over();
      }),
      asks('a WebSocket whose client resets it', '/host', async (asked, host) => {
        const there = await talk(asked, host);
        asked.stream.close(8);
        await there.over();
      }),
      asks('a WebSocket whose host disconnects', '/host', async (asked, host) => {
        const there = await talk(asked, host);
        there.reset();
        await asked.seen.until(({ code }) => code !== undefined);
      }),
      asks(
        'another protocol',
        '/host',
        async (asked, host) => {
          const there = await talk(asked, host, switching.replace('websocket', 'other'));
          asked.stream.end();
          await wait(200);
          const { state } = there.seen;
          there.finish();
          await asked.seen.until(({ code }) => code !== undefined);
          return state;
        },
        'oTher',
      ),
      asks('a protocol that is not allowed', '/host', async ({ head: answered }) => void (await answered), 'third'),
      asks(
        'a protocol that the route does not allow',
        '/not-here',
        async ({ head: answered }) => void (await answered),
      ),
      asks('a protocol without a route', '/nowhere', async ({ head: answered }) => void (await answered)),
      asks('a protocol whose host is not there', '/nobody', async ({ head: answered }) => void (await answered)),
      asks('a protocol that is answered here', '/direct', async ({ head: answered, seen }) => {
        await answered;
        await seen.until(({ ended }) => ended);
      }),
      asks('a WebSocket that the host refuses', '/host', async ({ head: answered, seen }, host) => {
        const there = await host();
        await there.until('\r\n\r\n');
        there.send(`${head('403 Forbidden', 'content-length: 4')}nono`);
        await answered;
        await seen.until(({ ended }) => ended);
      }),
      asks('a WebSocket that the host answers otherwise', '/host', async ({ head: answered, seen }, host) => {
        const there = await host();
        await there.until('\r\n\r\n');
        there.send(`${head('200 OK', 'content-length: 4')}nono`);
        await answered;
        await seen.until(({ ended }) => ended);
      }),
      asks('what the client says before it is granted', '/host', async ({ stream, head: answered }, host) => {
        stream.write('early');
        const there = await host();
        await there.until('\r\n\r\n');
        await wait(100);
        const { received } = there;
        there.send(switching);
        await answered;
        await there.until('early');
        return received.includes('early');
      }),
      toHttp2('a WebSocket to a host of HTTP/2', '/host2', { ':status': 200 }),
      toHttp2('a WebSocket that a host of HTTP/2 refuses', '/host2', { ':status': 403 }),
      tunnel('plain CONNECT', '', async ({ client, host, place }) => {
        client.reset();
        const session = connect(`http://127.0.0.1:${place.ports.listener}`).on('error', () => {});
        const stream = session.request({ ':method': 'CONNECT', ':authority': 'a:80' }, { endStream: false });
        const seen = new Seen(stream);
        const answered = responded(stream);
        const there = await host();
        stream.write('ping');
        await there.until('ping');
        there.send('pong');
        await seen.until(({ text }) => text.includes('pong'));
        session.destroy();
        return answered;
      }),
      frames('bytestream', [headers(1, protocol('/direct', 'bytestream'))]),
      {
        name: 'h2c, after which nothing more is taken',
        // How ours finds out when its client has heard of that.
        see: async ({ ports }) =>
          (await talkFrames(ports.listener, [headers(1, protocol('/direct', 'h2c'))])).filter(
            line => !line.startsWith('PING'),
          ),
      },
      frames('ended with its head', [headers(1, protocol('/direct'))]),
      refused('by another method', [headers(1, [':method: GET', ...protocol('/direct').slice(1)])]),
      refused('without a path', [headers(1, protocol('/direct').slice(0, -1))]),
      refused('without a scheme', [
        headers(
          1,
          protocol('/direct').filter(field => !field.startsWith(':scheme')),
        ),
      ]),
      refused('without an authority', [
        headers(
          1,
          protocol('/direct').filter(field => !field.startsWith(':auth')),
        ),
      ]),
      refused('named twice', [headers(1, [':protocol: a', ...protocol('/direct')])]),
      refused('without a name', [headers(1, protocol('/direct', ''))]),
      refused('with a header of HTTP/1', [headers(1, protocol('/direct', 'websocket', 'upgrade: websocket'))]),
      stats(...names.map(name => `http.ingress.${name}`), 'http2.rx_messaging_error'),
      accessLog(26),
    ],
  },
  {
    name: 'protocols by CONNECT that only Envoy takes',
    config: config({ allow_connect: true }),
    steps: [refused('CONNECT as a protocol', [headers(1, protocol('/direct', 'connect'))])],
  },
  {
    name: 'protocols by CONNECT over HTTP/2 that are not allowed',
    config: config({}),
    steps: [
      asks('a client that is told', '/direct', async () => {}),
      refused('a client that does not ask', [headers(1, protocol('/direct'))]),
      stats('http.ingress.downstream_cx_protocol_error', 'http2.rx_messaging_error'),
    ],
  },
];

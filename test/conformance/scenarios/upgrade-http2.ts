/** Upgrades and CONNECT where one side speaks HTTP/2. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createConnection } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { normalizeText, type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { other, upgrade } from './upgrade-steps.ts';

const patience = 2000;

/** What came of a stream. */
export class Seen {
  text = '';
  ended = false;
  code: number | undefined;

  constructor(stream: ClientHttp2Stream | ServerHttp2Stream) {
    stream.on('data', chunk => {
      this.text += chunk;
    });
    stream.on('end', () => {
      this.ended = true;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      this.code = stream.rstCode;
    });
  }

  async until(condition: (seen: this) => boolean): Promise<void> {
    const end = Date.now() + patience;
    while (!condition(this) && Date.now() < end) await wait(5);
  }
}

export const told = (headers: IncomingHttpHeaders): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, name === 'date' ? '' : normalizeText(String(value))]),
  );

/** A step: a host of HTTP/2, and a client of HTTP/1 that sends `opening`. */
function toHttp2(name: string, opening: string, answer: Record<string, string | number>): Step {
  return {
    name,
    see: async place => {
      const server = createServer({ settings: { enableConnectProtocol: true } });
      server.on('sessionError', () => {});
      const sessions: { destroy(): void }[] = [];
      server.on('session', session => sessions.push(session));
      let head: Record<string, unknown> | undefined;
      let host: Seen | undefined;
      server.on('stream', (stream, headers) => {
        head = told(headers);
        host = new Seen(stream);
        stream.respond(answer);
        stream.write('welcome');
      });
      server.listen(place.ports.nobody, '127.0.0.1');
      await once(server, 'listening');
      const socket = createConnection(place.ports.listener, '127.0.0.1').on('error', () => {});
      let text = '';
      let over = false;
      socket.on('data', chunk => {
        text += chunk.toString('latin1');
      });
      socket.on('end', () => {
        over = true;
      });
      try {
        socket.write(opening);
        for (const end = Date.now() + patience; !text.includes('welcome') && !over && Date.now() < end; ) await wait(5);
        socket.write('ping');
        await host?.until(({ text: got }) => got.includes('ping'));
        await wait(100);
        const got = { text: normalizeText(text).replace(/date: .*/, ''), over };
        socket.end();
        await host?.until(({ code }) => code !== undefined);
        return { head, got, host: host?.text };
      } finally {
        socket.destroy();
        for (const session of sessions) session.destroy();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

/** A client of HTTP/2 that sends CONNECT. */
async function openConnect(
  place: Place,
  authority: string,
): Promise<{ session: ClientHttp2Session; stream: ClientHttp2Stream; seen: Seen }> {
  const session = connect(`http://127.0.0.1:${place.ports.listener}`).on('error', () => {});
  const stream = session.request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false });
  return { session, stream, seen: new Seen(stream) };
}

export async function responded(stream: ClientHttp2Stream): Promise<Record<string, unknown> | string> {
  const timeout = AbortSignal.timeout(patience);
  try {
    const [headers] = await once(stream, 'response', { signal: timeout });
    return told(headers);
  } catch {
    return 'no answer';
  }
}

/** A step: CONNECT over HTTP/2, to a host that is the tunnel's. */
function fromHttp2(name: string, authority: string, answer: string): Step {
  return tunnel(name, '', async all => {
    all.client.reset();
    const { session, stream, seen } = await openConnect(all.place, authority);
    try {
      const head = responded(stream);
      if (answer === 'refused') return { head: await head };
      const host = await all.host();
      if (answer !== '') {
        await host.until('\r\n\r\n');
        host.send(answer);
      }
      const got = await head;
      stream.write('ping');
      await host.until('ping');
      host.send('pong');
      await seen.until(({ text }) => text.includes('pong'));
      stream.end();
      await host.over();
      const between = host.seen.state;
      // Passed on, the host's connection may be closed wholly by now.
      if (answer === '') host.send('late');
      host.finish();
      await seen.until(({ code }) => code !== undefined);
      return { head: got, text: seen.text, between, ended: seen.ended, code: seen.code };
    } finally {
      session.destroy();
    }
  });
}

export const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
const connectRoute = (name: string, more: Record<string, unknown>) => ({
  name,
  domains: [`${name}:80`],
  routes: [{ match: { connect_matcher: {} }, route: more }],
});
const connectUpgrade = (more: Record<string, unknown>) => ({ upgrade_configs: [{ upgrade_type: 'CONNECT', ...more }] });

export const upgradesOfHttp2: Scenario = {
  name: 'upgrades and HTTP/2',
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'other' }],
        delayed_close_timeout: '0.1s',
      },
      virtualHosts: [
        connectRoute('tcp', { cluster: 'host', ...connectUpgrade({ connect_config: {} }) }),
        connectRoute('passed', { cluster: 'host', ...connectUpgrade({}) }),
        connectRoute('passed2', { cluster: 'host2', ...connectUpgrade({}) }),
        connectRoute('nothing', { cluster: 'host' }),
        { name: 'all', domains: ['*'], routes: [route('/', 'host2')] },
      ],
      clusters: [cluster('host', [ports.nobody]), cluster('host2', [ports.nobody], http2)],
    }),
  steps: [
    toHttp2('a WebSocket to a host of HTTP/2', upgrade('/a'), { ':status': 200 }),
    toHttp2('another protocol to a host of HTTP/2', other('/a'), { ':status': 200 }),
    toHttp2('a WebSocket that a host of HTTP/2 refuses', upgrade('/a'), { ':status': 403 }),
    toHttp2('CONNECT to a host of HTTP/2', 'CONNECT passed2:80 HTTP/1.1\r\nhost: passed2:80\r\n\r\n', {
      ':status': 200,
    }),
    fromHttp2('CONNECT over HTTP/2, ended here', 'tcp:80', ''),
    fromHttp2('CONNECT over HTTP/2, passed on', 'passed:80', 'HTTP/1.1 200 OK\r\n\r\n'),
    fromHttp2('CONNECT over HTTP/2 that is not allowed', 'nothing:80', 'refused'),
    fromHttp2('CONNECT over HTTP/2 without a route', 'unknown:80', 'refused'),
    stats(
      'http.ingress.downstream_cx_upgrades_total',
      'http.ingress.downstream_cx_upgrades_active',
      'http.ingress.downstream_rq_ws_on_non_ws_route',
      'http.ingress.no_route',
    ),
  ],
};

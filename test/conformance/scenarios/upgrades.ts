/** WebSocket and other upgrades of HTTP/1.1: what is passed on, how they end, and what becomes of those that are refused. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Scenario, Step } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import {
  accept,
  activeUpgrades,
  endBoth,
  head,
  other,
  switching,
  talk,
  upgrade,
  upgradeScenario,
} from './upgrade-steps.ts';

const refused = (status: string, name: string, headers: string[] = [], body = 'no'): Step =>
  tunnel(name, upgrade('/'), async ({ client, host }) => {
    const there = await host();
    await there.until('\r\n\r\n');
    there.send(head(status, ...headers, `content-length: ${body.length}`) + body);
    await client.until(body === '' ? '\r\n\r\n' : `\r\n\r\n${body}`);
    client.send('GET /direct HTTP/1.1\r\nhost: a\r\n\r\n');
    await Promise.race([client.over(), client.until('answered here')]);
    await wait(100);
  });

const steps: Step[] = [
  tunnel('a WebSocket, ended by the client', upgrade('/', 'sec-websocket-key: a', 'x-a: b'), async all => {
    const host = await accept(all);
    const now = await activeUpgrades(all, '1');
    await talk(all, host);
    await endBoth(all, host);
    return { now, after: await activeUpgrades(all, '0') };
  }),
  tunnel('ended by the host', upgrade('/'), async all => {
    const host = await accept(all);
    host.send('bye');
    host.finish();
    await all.client.over();
    all.client.send('late');
    await wait(200);
    const hostOpen = host.seen.state;
    all.client.finish();
    await host.over();
    return hostOpen;
  }),
  tunnel('the client ends, the host goes on', upgrade('/'), async all => {
    const host = await accept(all);
    all.client.send('last');
    all.client.finish();
    await host.over();
    host.send('more');
    await wait(200);
    return all.client.seen.state;
  }),
  tunnel('the client resets', upgrade('/'), async all => {
    const host = await accept(all);
    await talk(all, host);
    all.client.reset();
    await host.over();
  }),
  tunnel('the host resets', upgrade('/'), async all => {
    const host = await accept(all);
    await talk(all, host);
    host.reset();
    await all.client.over();
  }),
  tunnel('bytes that come with the request', `${upgrade('/')}early GET / HTTP/1.1\r\n\r\n`, async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    await wait(150);
    const before = host.received.endsWith('early GET / HTTP/1.1\r\n\r\n');
    host.send(switching);
    await host.until('early GET / HTTP/1.1\r\n\r\n');
    await all.client.until('\r\n\r\n');
    await endBoth(all, host);
    return { before };
  }),
  tunnel('bytes that come with the 101', upgrade('/'), async all => {
    const host = await accept(all, `${switching}HTTP/1.1 200 OK\r\n\r\n`);
    await all.client.until('200 OK');
    await endBoth(all, host);
  }),
  tunnel('interim answers before the 101', upgrade('/'), async all => {
    const host = await accept(all, `${head('103 Early Hints', 'link: </a>')}${switching}`);
    await all.client.until('101');
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('a 101 with lengths', upgrade('/'), async all => {
    const answer = head('101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket', 'content-length: 0');
    const host = await accept(all, answer);
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('a 101 with a body', upgrade('/'), async all => {
    const answer = head('101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket', 'content-length: 4');
    const host = await accept(all, `${answer}pongpong`);
    await wait(200);
    await endBoth(all, host);
  }),
  tunnel('a 101 with chunks', upgrade('/'), async all => {
    const answer = head('101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket');
    const host = await accept(all, answer.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n'));
    all.client.send('ping');
    await wait(100);
    host.send('pong');
    await wait(100);
    await all.client.over();
  }),
  tunnel('a 101 to another protocol', upgrade('/'), async all => {
    const host = await accept(all, head('101 Switching Protocols', 'connection: Upgrade', 'upgrade: other'));
    all.client.send('ping');
    await wait(100);
    host.send('pong');
    await wait(100);
    all.client.finish();
    await host.over();
  }),
  tunnel('a bare 101', upgrade('/'), async all => {
    const host = await accept(all, head('101 Switching Protocols'));
    all.client.send('ping');
    await wait(100);
    host.send('pong');
    await wait(100);
    all.client.finish();
    await host.over();
  }),
  refused('200 OK', 'the host answers 200'),
  refused('403 Forbidden', 'the host answers 403'),
  refused('401 Unauthorized', 'the host answers 401 without a body', [], ''),
  refused('201 Created', 'the host answers 201'),
  refused('204 No Content', 'the host answers 204', [], ''),
  refused('302 Found', 'the host answers 302', ['location: /']),
  refused('500 Internal Server Error', 'the host answers 500'),
  refused('200 OK', 'the host answers 200 with Upgrade', ['connection: Upgrade', 'upgrade: websocket']),
  tunnel(
    'refused, with bytes that came with the request',
    `${upgrade('/')}GET /evil HTTP/1.1\r\nhost: a\r\n\r\n`,
    async all => {
      const host = await all.host();
      await host.until('\r\n\r\n');
      host.send(`${head('200 OK', 'content-length: 2')}no`);
      await all.client.until('no');
      await wait(300);
      return all.connections();
    },
  ),
  tunnel('a chunked refusal', upgrade('/'), async all => {
    const host = await accept(all, `${head('400 Bad Request', 'transfer-encoding: chunked')}2\r\nno\r\n0\r\n\r\n`);
    await all.client.over();
    await host.over();
  }),
  tunnel('a refusal until the close', upgrade('/'), async all => {
    const host = await accept(all, `${head('400 Bad Request')}no`);
    host.finish();
    await all.client.over();
  }),
  tunnel('the host ends without an answer', upgrade('/'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    host.finish();
    await all.client.until('\r\n\r\n');
    await all.client.over();
  }),
  tunnel('the client goes before the answer', upgrade('/'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    all.client.finish();
    await host.over();
  }),
];

const requestSteps: Step[] = [
  ...[
    ['upgrade: WebSocket', 'connection: keep-alive, Upgrade'],
    ['upgrade: websocket, other', 'connection: upgrade'],
    ['upgrade: other', 'connection: upgrade'],
    ['upgrade: shouted', 'connection: upgrade'],
    ['upgrade: SHOUTED', 'connection: upgrade'],
    ['upgrade: off', 'connection: upgrade'],
    ['upgrade: websocket', 'connection: keep-alive'],
    ['upgrade: websocket', 'connection: upgrade, x-hop', 'x-hop: 1'],
    ['upgrade: websocket', 'upgrade: other', 'connection: upgrade'],
    ['upgrade: websocket', 'connection: upgrade', 'content-length: 0'],
    ['upgrade: websocket', 'connection: close, upgrade'],
    ['upgrade: websocket', 'connection: upgrade', 'te: trailers', 'keep-alive: 3', 'proxy-connection: a'],
    ['upgrade: h2c', 'connection: upgrade, http2-settings', 'http2-settings: a'],
  ].map(headers =>
    tunnel(
      `the request's head: ${headers.join(', ')}`,
      head('', ...headers).replace('HTTP/1.1 ', 'GET /head HTTP/1.1\r\nhost: a'),
      async all => {
        const there = await Promise.race([all.host(), all.client.until('\r\n\r\n')]);
        if (there === undefined) {
          await all.client.over();
          return;
        }
        await there.until('\r\n\r\n');
        there.send(/\r\nupgrade:/.test(there.received) ? switching : head('204 No Content'));
        await all.client.until('\r\n\r\n');
        await wait(50);
      },
    ),
  ),
  ...['/not-here', '/only-other', '/direct', '/redirect', '/nowhere'].map(path =>
    tunnel(`an upgrade of ${path}`, upgrade(path), async all => {
      await all.client.until('\r\n\r\n');
      all.client.send('GET /direct HTTP/1.1\r\nhost: a\r\n\r\n');
      await wait(200);
    }),
  ),
  tunnel(
    'an upgrade that only the route allows',
    'GET /only-other HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n',
    async all => {
      const host = await accept(all);
      await talk(all, host);
      await endBoth(all, host);
    },
  ),
  tunnel(
    'a body by its length, then more',
    'POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 4\r\n\r\nbodymore',
    async all => {
      const host = await accept(all);
      await talk(all, host);
      await endBoth(all, host);
    },
  ),
  tunnel(
    'a body by its length that is refused',
    'POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 4\r\n\r\nbodyGET /direct HTTP/1.1\r\nhost: a\r\n\r\n',
    async all => {
      const host = await accept(all, `${head('200 OK', 'content-length: 2')}no`);
      await wait(200);
      return host.received.length > 0;
    },
  ),
  tunnel('HTTP/1.0', 'GET / HTTP/1.0\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', async all => {
    await all.client.until('\r\n\r\n');
    await all.client.over();
  }),
  tunnel('HEAD', upgrade('/').replace('GET', 'HEAD'), async all => {
    const host = await accept(all);
    await talk(all, host);
    await endBoth(all, host);
  }),
];

const laxSteps: Step[] = [
  tunnel(
    'a body in chunks, then more',
    'POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nmore',
    async all => {
      await all.client.until('\r\n\r\n');
      await wait(200);
    },
  ),
  refused('426 Upgrade Required', 'the host answers 426 with Upgrade', ['connection: Upgrade', 'upgrade: websocket']),
];

const otherSteps: Step[] = [
  tunnel(
    'another protocol that is not granted, with a request in its bytes',
    `${other('/')}GET /evil HTTP/1.1\r\nhost: a\r\n\r\n`,
    async all => {
      const host = await all.host();
      await host.until('\r\n\r\n');
      await wait(100);
      return host.received.includes('/evil');
    },
  ),
  tunnel('another protocol, with bytes that come with the request', `${other('/')}early`, async all => {
    const host = await accept(all, switching.replace('websocket', 'other'));
    await host.until('early');
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('a body by its length', `${other('/', 'content-length: 4')}bodymore`, async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    await wait(100);
    host.send(switching.replace('websocket', 'other'));
    await talk(all, host);
    await endBoth(all, host);
  }),
  ...['200 OK', '403 Forbidden', '302 Found'].map(status =>
    tunnel(`another protocol, answered with ${status}`, other('/'), async all => {
      const host = await accept(all, `${head(status, 'content-length: 2')}no`);
      await all.client.until('no');
      all.client.send('GET /direct HTTP/1.1\r\nhost: a\r\n\r\n');
      await all.client.over();
      await host.over();
    }),
  ),
  tunnel('another protocol, no answer within the time of the route', other('/quick'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    await wait(800);
    return all.client.received;
  }),
  tunnel('another protocol, no answer within the time of a try', other('/quick-try'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    await wait(800);
    return { connections: all.connections(), got: all.client.received };
  }),
];

export const upgrades: Scenario[] = [
  upgradeScenario('upgrades', steps, steps.length),
  upgradeScenario('requests for upgrades', requestSteps, requestSteps.length),
  upgradeScenario('upgrades to other protocols', otherSteps, otherSteps.length, ['other']),
  { ...upgradeScenario('upgrades that only Envoy takes', laxSteps, 0, ['other']), steps: laxSteps },
];

/** How long upgrades may take, what may end them, and what the filters do to them. */
import { setTimeout as wait } from 'node:timers/promises';
import { accessLog, type Scenario, type Step } from '../scenario.ts';
import { tunnel } from '../tunnel.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';
import { accept, counts, endBoth, head, talk, upgrade, upgradeLog, upgradeScenario } from './upgrade-steps.ts';

const timeSteps: Step[] = [
  tunnel('no answer within the time of the route', upgrade('/quick'), async all => {
    await all.host();
    await all.client.until('\r\n\r\n');
    await wait(200);
  }),
  tunnel('upgraded for longer than the time of the route', upgrade('/quick'), async all => {
    const host = await accept(all);
    await wait(600);
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('no answer within the time of a try', upgrade('/quick-try'), async all => {
    await all.host();
    await all.client.until('\r\n\r\n');
    await wait(200);
    return all.connections();
  }),
  tunnel('idle', upgrade('/idle'), async all => {
    const host = await accept(all);
    await talk(all, host);
    await all.client.over();
    await host.over();
  }),
  tunnel('idle before the answer', upgrade('/idle'), async all => {
    const host = await all.host();
    await all.client.until('\r\n\r\n');
    await all.client.over();
    await host.over();
  }),
  tunnel('never idle for long', upgrade('/idle'), async all => {
    const host = await accept(all);
    for (let i = 0; i < 5; i++) {
      await wait(150);
      all.client.send('.');
    }
    for (let i = 0; i < 5; i++) {
      await wait(150);
      host.send(',');
    }
    await all.client.until(',,,,,');
    await endBoth(all, host);
  }),
  tunnel('answered with 503 where retries are wanted', upgrade('/retry'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    host.send(head('503 Service Unavailable', 'content-length: 0'));
    await all.client.until('\r\n\r\n');
    await wait(200);
    return all.connections();
  }),
  tunnel('answered with nothing where retries are wanted', upgrade('/retry'), async all => {
    const host = await all.host();
    await host.until('\r\n\r\n');
    host.finish();
    await wait(200);
    return all.connections();
  }),
  tunnel('no host where retries are wanted', upgrade('/gone'), async all => {
    await all.client.until('\r\n\r\n');
    await all.client.over();
  }),
];

export const upgradeTimes: Scenario[] = [upgradeScenario('the time of upgrades', timeSteps, timeSteps.length)];

const inShortTime: Step[] = [
  tunnel('longer than a request may take', upgrade('/'), async all => {
    const host = await accept(all);
    await wait(500);
    await talk(all, host);
    await endBoth(all, host);
  }),
  tunnel('no answer within the time of a request', upgrade('/'), async all => {
    await (await all.host()).until('\r\n\r\n');
    await all.client.until('\r\n\r\n');
    await all.client.over();
  }),
];

const inShortIdleTime: Step[] = [
  tunnel('longer than a connection may be idle or be open', upgrade('/'), async all => {
    const host = await accept(all);
    for (let i = 0; i < 4; i++) {
      await wait(250);
      await talk(all, host);
    }
    await endBoth(all, host);
  }),
  tunnel('longer than a stream may be idle', upgrade('/'), async all => {
    await accept(all);
    await all.client.over();
  }),
];

/** Ends that an operator wants. */
const drained: Step[] = [
  tunnel('an upgrade while the health check fails', upgrade('/'), async all => {
    const { admin } = all.place.ports;
    await fetch(`http://127.0.0.1:${admin}/healthcheck/fail`, { method: 'POST' });
    const host = await accept(all);
    await talk(all, host);
    await wait(200);
    await talk(all, host);
    await fetch(`http://127.0.0.1:${admin}/healthcheck/ok`, { method: 'POST' });
    await endBoth(all, host);
  }),
  tunnel('an upgrade that outlives its listener', upgrade('/'), async all => {
    const host = await accept(all);
    await fetch(`http://127.0.0.1:${all.place.ports.admin}/drain_listeners?graceful`, { method: 'POST' });
    await wait(200);
    await talk(all, host);
    return { client: all.client.seen.state, host: host.seen.state };
  }),
];

const managed = (name: string, manager: Record<string, unknown>, steps: Step[]): Scenario => ({
  name,
  config: (ports, log) =>
    bootstrap(ports, log, {
      manager: {
        access_log: [fileLog(log, upgradeLog)],
        upgrade_configs: [{ upgrade_type: 'websocket' }],
        delayed_close_timeout: '0.1s',
        ...manager,
      },
      routes: [route('/', 'host')],
      clusters: [cluster('host', [ports.nobody])],
    }),
  steps: [...steps, counts, accessLog(steps.length)],
});

const idle = {
  stream_idle_timeout: '0.5s',
  common_http_protocol_options: { idle_timeout: '0.3s', max_connection_duration: '0.4s' },
};

upgradeTimes.push(
  managed('upgrades where requests have little time', { request_timeout: '0.3s' }, inShortTime),
  managed('upgrades where connections have little time', idle, inShortIdleTime),
  managed('upgrades that are drained', {}, drained),
);

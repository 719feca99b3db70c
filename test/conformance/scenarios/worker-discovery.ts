/** Two workers, and routes that come while they serve: each has them. Each request comes on a connection of its own, so that both have some. */
import { exchange } from '../exchange.ts';
import { type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { asked, bootstrap, ControlPlane, named, type Way, ways } from './control-plane-steps.ts';
import { demanding, fixed, hostTable, virtualHost } from './on-demand.ts';
import { came, discovered, scope } from './scoped-routes.ts';
import { scopesDump } from './scopes-dump.ts';

const plane = new ControlPlane();
const args = ['--concurrency', '2'];

/** So many that hardly ever all of them are one worker's. */
const connections = 12;
/** How long it may take until both workers have heard. */
const patienceMs = 10_000;

async function statuses({ ports }: Place, lines: string): Promise<Record<string, number>> {
  const asked = Array.from({ length: connections }, () =>
    exchange(ports.listener, `GET / HTTP/1.1\r\n${lines}\r\n\r\n`, false, patienceMs),
  );
  const counts: Record<string, number> = {};
  for (const { head } of await Promise.all(asked)) {
    const status = (head[0] ?? 'none').split(' ')[1] ?? 'none';
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** A step: whoever asks is answered so by each worker, sooner or later. */
const served = (name: string, lines: string, status: number): Step => ({
  name,
  see: async place => {
    for (const end = Date.now() + patienceMs; ; ) {
      const counts = await statuses(place, lines);
      if (counts[status] === connections || Date.now() > end) return counts;
    }
  },
});

const scoped = (name: string, key: string, status: number): Step => served(name, `host: a\r\nx-scope: ${key}`, status);
const hosted = (name: string, host: string, status: number): Step => served(name, `host: ${host}`, status);

const scopesOf = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `two workers, and scopes of routes: ${way.name}`,
  args,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [discovered(ports, way)]);
    server.publish('SRDS', 's1', [scope('a', 'one', ['a']), scope('b', 'two', ['b'])]);
    server.publish('RDS', 'r1', [came('one', 201), came('two', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    scoped('the first scope', 'a', 201),
    scoped('the second scope', 'b', 202),
    scoped('no such scope', 'c', 404),
    publish('a scope more, whose routes are not there', 'SRDS', 's2', [
      ...[scope('a', 'one', ['a']), scope('b', 'two', ['b'])],
      scope('c', 'late', ['c']),
    ]),
    scoped('it has no routes', 'c', 404),
    publish('its routes', 'RDS', 'r2', [came('one', 201), came('two', 202), came('late', 203)]),
    scoped('it has them', 'c', 203),
    publish('other keys, and other routes', 'SRDS', 's3', [
      ...[scope('a', 'late', ['d']), scope('b', 'two', ['a'])],
      scope('c', 'late', ['c']),
    ]),
    scoped('another scope of that key', 'a', 202),
    scoped('other routes of one', 'd', 203),
    publish('two of one key', 'SRDS', 's4', [scope('a', 'late', ['d']), scope('z', 'two', ['d'])]),
    scoped('those before stay', 'a', 202),
    publish('one goes', 'SRDS', 's5', [scope('a', 'late', ['d']), scope('b', 'two', ['a'])]),
    scoped('it is gone', 'c', 404),
    publish('its routes change', 'RDS', 'r3', [came('two', 204), came('late', 205)]),
    scoped('they have changed', 'd', 205),
    scoped('the others, too', 'a', 204),
    publish('none', 'SRDS', 's6', []),
    scoped('nobody is there', 'd', 404),
    scopesDump(),
    stats(...['update_success', 'update_rejected', 'all_scopes'].map(name => `http.in.scoped_rds.scopes.${name}`)),
  ],
});

const hostsOf = (way: Way, publish = plane.publishing(way), asking = plane.asking(way)): Scenario => ({
  name: `two workers, and virtual hosts on demand: ${way.name}`,
  args,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [demanding(ports, way)]);
    server.publish('RDS', 'r1', [hostTable(way, [fixed])]);
    server.publish('VHDS', 'v1', [virtualHost('one.com', 202)]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    hosted('a host of the routes', 'fixed.com', 201),
    hosted('a host that is asked for', 'one.com', 202),
    asking('it was asked for once'),
    {
      name: 'a host that comes later',
      see: async place => {
        const answers = statuses(place, 'host: two.com');
        await until('http.in.downstream_rq_active', connections).see(place);
        // It was answered that there is none: what comes then is another answer.
        const lines = await asked(plane.server, true);
        plane.server.publish('VHDS', 'v2', [virtualHost('one.com', 202), virtualHost('two.com', 203)]);
        return [lines.sort(), await answers];
      },
    },
    asking('it was taken', undefined, true),
    publish('a host changes', 'VHDS', 'v3', [virtualHost('one.com', 204), virtualHost('two.com', 203)]),
    hosted('it has changed', 'one.com', 204),
    publish('one that cannot be', 'VHDS', 'v4', [virtualHost('one.com', 99), virtualHost('two.com', 203)]),
    hosted('the one before stays', 'one.com', 204),
    publish('other routes', 'RDS', 'r2', [hostTable(way, [{ ...fixed, require_tls: 'ALL' }])]),
    hosted('a host of these', 'fixed.com', 301),
    hosted('a host that came, among the others', 'two.com', 203),
    publish('one goes', 'VHDS', 'v5', [virtualHost('one.com', 204)]),
    hosted('the one that stays', 'one.com', 204),
    named('counted at last', stats('http.in.rds.vhds.routes.update_rejected', 'http.in.rds.routes.update_success')),
  ],
});

export const workerDiscovery: Scenario[] = [
  scopesOf(ways[0]!),
  scopesOf(ways[3]!),
  hostsOf(ways[1]!),
  hostsOf(ways[2]!),
];

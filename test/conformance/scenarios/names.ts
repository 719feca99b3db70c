/** Clusters whose hosts are found by DNS: which server is asked, for which family, how often, and what an answer changes. */
import { setTimeout as wait } from 'node:timers/promises';
import { DnsServer, type Records } from '../dns-server.ts';
import { type Place, type Ports, readStats, type Scenario, type Step } from '../scenario.ts';
import { address, bootstrap, cluster } from './configuration.ts';

type Json = Record<string, unknown>;

const start: Record<string, Records> = {
  'both.test': { a: ['127.0.0.2', '127.0.0.1'], aaaa: ['::1', '2001:db8::2'] },
  'four.test': { a: ['127.0.0.3', '127.0.0.1', '127.0.0.3'] },
  'six.test': { aaaa: ['::1'] },
  'empty.test': {},
  'failing.test': { fails: 'with an error' },
};
const families = ['AUTO', 'V4_ONLY', 'V6_ONLY', 'V4_PREFERRED', 'ALL'];
const types = ['STRICT_DNS', 'LOGICAL_DNS'];
const names = [...Object.keys(start), 'unknown.test'];

const udp = (port: number): Json => ({ socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: port } });

/** A cluster of one name. */
const named = (name: string, host: string, port: number, more: Json): Json => ({
  ...cluster(name, []),
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port, host) } }] }],
  },
  type: 'STRICT_DNS',
  dns_refresh_rate: '60s',
  ...more,
});

let server = new DnsServer();

/** At the port that no upstream of TCP has. */
const beside = async ({ nobody }: Ports): Promise<() => Promise<void>> => {
  server = new DnsServer();
  for (const [name, records] of Object.entries(start)) server.names.set(name, records);
  await server.listen(nobody);
  return () => server.close();
};

const updates = ['attempt', 'success', 'failure', 'empty', 'no_rebuild'].map(end => `update_${end}`);
const told = [...updates, 'membership_change', 'membership_total'];

/** The hosts of a cluster in their order, and what is counted. */
async function seen(port: number, name: string): Promise<unknown> {
  const body = await (await fetch(`http://127.0.0.1:${port}/clusters?filter=^${name}$`)).text();
  const lines = body.split('\n').filter(line => line.includes('::hostname::'));
  const values = await readStats(
    port,
    told.map(end => `cluster.${name}.${end}`),
  );
  return [...lines, ...Object.values(values)].join(' ');
}

const each = types.flatMap(type => families.flatMap(family => names.map(host => ({ type, family, host }))));
const nameOf = ({ type, family, host }: (typeof each)[number]): string => `${type}-${family}-${host.split('.')[0]}`;

/** Every family, of every kind of name. */
export const nameFamilies: Scenario = {
  name: 'names by DNS: families',
  beside,
  config: (ports, log) =>
    bootstrap(ports, log, {
      routes: [],
      clusters: each.map(one => {
        const { type, family, host } = one;
        const more = { type, dns_lookup_family: family, dns_resolvers: [udp(ports.nobody)] };
        return named(nameOf(one), host, 7, more);
      }),
    }),
  steps: [
    ...each.map(one => ({ name: nameOf(one), see: ({ ports }: Place) => seen(ports.admin, nameOf(one)) })),
    { name: 'what was asked', see: async () => server.asked.toSorted() },
  ],
};

const cares = (more: Json): Json => ({
  typed_dns_resolver_config: {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
      ...more,
    },
  },
});

/** The records of a name from now on; then what there is once a statistic has that value. */
const change = (name: string, host: string, records: Records | undefined, until: string, value: string): Step => ({
  name,
  see: async ({ ports }) => {
    if (records === undefined) server.names.delete(host);
    else server.names.set(host, records);
    const statistic = `cluster.${host.split('.')[0]}.${until}`;
    const before = Number((await readStats(ports.admin, [statistic]))[statistic]);
    const done = (now: number): boolean => (value === 'more' ? now > before : now === Number(value));
    const last = Date.now() + 5000;
    for (;;) {
      const now = Number((await readStats(ports.admin, [statistic]))[statistic]);
      if (done(now) || Date.now() > last) return [done(now), await hostsOf(ports.admin, host.split('.')[0]!)];
      await wait(20);
    }
  },
});

async function hostsOf(port: number, name: string): Promise<string[]> {
  const body = await (await fetch(`http://127.0.0.1:${port}/clusters?filter=^${name}$`)).text();
  return body.split('\n').filter(line => line.includes('::hostname::'));
}

const asked = (host: string): number => server.asked.filter(question => question === `a ${host}`).length;

/** What is found once the proxy runs, and what becomes of it. */
export const changingNames: Scenario = {
  name: 'names by DNS: changes',
  beside: async ports => {
    const end = await beside(ports);
    server.names.set('strict.test', { a: ['127.0.0.1'] });
    server.names.set('logical.test', { a: ['127.0.0.1'] });
    server.names.set('held.test', { a: ['127.0.0.1'], ttl: 1 });
    server.names.set('unheld.test', { a: ['127.0.0.1'], ttl: 0 });
    server.names.set('ignored.test', { a: ['127.0.0.1'], ttl: 1 });
    for (const name of ['repaired', 'unrepaired']) server.names.set(`${name}.test`, { fails: 'with an error' });
    for (const name of ['quiet', 'silent']) server.names.set(`${name}.test`, { fails: 'silently' });
    for (const name of ['typed', 'older', 'first', 'fallback', 'bare'])
      server.names.set(`${name}.test`, { a: ['127.0.0.1'] });
    return end;
  },
  config: (ports, log) => {
    const place = udp(ports.nobody);
    const own = { dns_lookup_family: 'V4_ONLY', dns_resolvers: [place] };
    const of = (name: string, more: Json, host = `${name}.test`): Json => named(name, host, 7, { ...own, ...more });
    const { load_assignment: first } = of('first', {}) as { load_assignment: { endpoints: Json[] } };
    const { load_assignment: second } = of('silent', {}) as { load_assignment: { endpoints: Json[] } };
    return bootstrap(ports, log, {
      routes: [],
      clusters: [
        of('strict', { dns_refresh_rate: '0.1s' }),
        of('logical', { dns_refresh_rate: '0.1s', type: 'LOGICAL_DNS' }),
        of('held', { respect_dns_ttl: true }),
        of('unheld', { respect_dns_ttl: true, dns_refresh_rate: '0.1s' }),
        of('ignored', {}),
        of('repaired', { dns_failure_refresh_rate: { base_interval: '0.05s', max_interval: '0.2s' } }),
        of('unrepaired', {}),
        of('quiet', { wait_for_warm_on_init: false }),
        of('typed', { dns_resolvers: [], ...cares({ resolvers: [place] }) }),
        of('older', { dns_resolvers: [], dns_resolution_config: { resolvers: [place] } }),
        of('fallback', {
          ...cares({ resolvers: [place], use_resolvers_as_fallback: true }),
          wait_for_warm_on_init: false,
        }),
        of('several', {
          load_assignment: { cluster_name: 'several', endpoints: [...first.endpoints, ...second.endpoints] },
        }),
        of('own', {}, 'localhost'),
        of('unnamed', { dns_resolvers: [], ...cares({ udp_max_queries: 100 }) }, 'localhost'),
        of('own6', { dns_lookup_family: 'AUTO' }, 'localhost'),
        of('address', {}, '127.0.0.9'),
        of('bare', { dns_resolvers: [] }),
      ],
      bootstrap: cares({ resolvers: [place], dns_resolver_options: { no_default_search_domain: true } }),
    });
  },
  steps: [
    ...['typed', 'older', 'own', 'unnamed', 'own6', 'address', 'bare', 'ignored', 'unrepaired', 'quiet'].map(name => ({
      name,
      see: ({ ports }: Place) => seen(ports.admin, name),
    })),
    {
      name: 'of several, the first one is enough',
      see: async ({ ports }) => [await hostsOf(ports.admin, 'several'), asked('silent.test') > 0],
    },
    { name: 'servers for where the system has none', see: async () => asked('fallback.test') },
    change('another address comes', 'strict.test', { a: ['127.0.0.1', '127.0.0.2'] }, 'membership_total', '2'),
    change('in another order', 'strict.test', { a: ['127.0.0.2', '127.0.0.1'] }, 'update_no_rebuild', 'more'),
    change('one goes', 'strict.test', { a: ['127.0.0.2'] }, 'membership_total', '1'),
    change('a failure', 'strict.test', { fails: 'with an error' }, 'update_failure', 'more'),
    change('no address', 'strict.test', {}, 'membership_total', '0'),
    change('one again', 'strict.test', { a: ['127.0.0.3'] }, 'membership_total', '1'),
    change('the name goes', 'strict.test', undefined, 'membership_total', '0'),
    change('of one alone: another one', 'logical.test', { a: ['127.0.0.2', '127.0.0.1'] }, 'update_no_rebuild', 'more'),
    change(
      'of one alone: another order',
      'logical.test',
      { a: ['127.0.0.1', '127.0.0.2'] },
      'update_no_rebuild',
      'more',
    ),
    change('of one alone: no address', 'logical.test', {}, 'update_failure', 'more'),
    change('of one alone: a failure', 'logical.test', { fails: 'with an error' }, 'update_failure', 'more'),
    change('as long as it holds', 'held.test', { a: ['127.0.0.2'], ttl: 1 }, 'update_success', 'more'),
    change('it says no time', 'unheld.test', { a: ['127.0.0.2', '127.0.0.4'], ttl: 0 }, 'membership_total', '2'),
    change('failures are asked again sooner', 'repaired.test', { a: ['127.0.0.2'] }, 'membership_total', '1'),
    ...['strict', 'logical'].map(name => ({
      name: `changes of ${name}`,
      see: async ({ ports }: Place) => {
        const names = [`cluster.${name}.membership_change`, `cluster.${name}.update_empty`];
        return readStats(ports.admin, names);
      },
    })),
    {
      name: 'what is asked once',
      see: async () => ['ignored.test', 'typed.test', 'bare.test', 'unrepaired.test'].map(asked),
    },
  ],
};

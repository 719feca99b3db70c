/** Resources that a control plane is asked for again and again, by plain HTTP. */
import { setTimeout as wait } from 'node:timers/promises';
import { RestServer } from '../rest-server.ts';
import { admin, type Place, type Ports, readStats, type Scenario, type Step, stats } from '../scenario.ts';
import type { Kind } from '../xds-server.ts';
import { until } from './answers.ts';
import { address, cluster } from './configuration.ts';
import { assignment, edsCluster, listener, main, named, routes, to } from './control-plane-steps.ts';
import { api } from './discovery.ts';
import { certificate } from './tls-steps.ts';

type Json = Record<string, unknown>;

const source = (more: Json = {}, timeout = '10s'): Json => ({
  resource_api_version: 'V3',
  initial_fetch_timeout: timeout,
  api_config_source: {
    api_type: 'REST',
    transport_api_version: 'V3',
    cluster_names: ['control-plane'],
    refresh_delay: '0.05s',
    request_timeout: '20s',
    ...more,
  },
});

const bootstrap = (ports: Ports, more: Json = {}, timeout?: string): Json => ({
  node: {
    id: 'proxy',
    cluster: 'proxies',
    locality: { region: 'here', zone: 'a' },
    metadata: { some: { nested: [1, true] } },
  },
  admin: { address: address(ports.admin) },
  dynamic_resources: { cds_config: source(more, timeout), lds_config: source(more, timeout) },
  static_resources: { clusters: [cluster('control-plane', [ports.nobody])] },
});

/** That of the scenario that is played now. */
let server = new RestServer();

/** Nothing more is asked when so long nothing was. */
const quietMs = 300;

/** How long what was published may take to be read: a resource is loaded by another process. */
const patienceMs = 5000;

/** What was asked since the last step. */
async function asked(): Promise<string[]> {
  for (const end = Date.now() + patienceMs; server.record.length === 0 && Date.now() < end; ) await wait(20);
  for (let before = -1; before !== server.record.length; await wait(quietMs)) before = server.record.length;
  // How often it asks is a matter of time.
  return [...new Set(server.record.splice(0))].sort();
}

const asking = (name: string, act: (place: Place) => void | Promise<void>): Step => ({
  name,
  see: async place => {
    await act(place);
    return asked();
  },
});

const publishing = (name: string, kind: Kind, version: string, resources: (place: Place) => Json[]): Step =>
  asking(name, place => server.publish(kind, version, resources(place)));

const counted = ['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout'];
const prefixes = ['cluster_manager.cds.', 'listener_manager.lds.', 'http.in.rds.routes.', 'cluster.one.'];
const all = prefixes.flatMap(prefix => [...counted, 'version', 'version_text'].map(name => prefix + name));

/** The names of headers, and the values of those that do not differ from proxy to proxy. */
const headOf = (head: readonly string[]): string[] =>
  head.flatMap((name, index) =>
    index % 2 === 1 ? [] : [`${name}: ${/length|forwarded/.test(name) ? '…' : head[index + 1]}`],
  );

/** A request's body, without what tells which program asks. */
function bodyOf(body: string): Json {
  const { node, ...rest } = JSON.parse(body) as { node: Json };
  const { user_agent_build_version: build, extensions, ...known } = node;
  return { ...rest, node: { ...known, hasBuild: build !== undefined } };
}

const lastOf = (kind: Kind): Step => ({
  name: `a request for ${kind}`,
  see: async () => {
    const { head, body } = server.last.get(kind)!;
    return { head: headOf(head), body: bodyOf(body) };
  },
});

const secured = (ports: Ports, sds: Json): Json => {
  const common = { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: sds }] };
  const typed = {
    '@type': api('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
    common_tls_context: common,
  };
  const plain = listener(ports, source(), 'routes', { name: 'secured', address: address(ports.raw, '127.0.0.3') });
  const [chain] = plain.filter_chains as Json[];
  return { ...plain, filter_chains: [{ ...chain, transport_socket: { name: 'tls', typed_config: typed } }] };
};

const polling: Scenario = {
  name: 'a control plane: asked by plain HTTP',
  beside: async ports => {
    server = new RestServer();
    await server.listen(ports.nobody);
    server.publish('CDS', 'c1', [edsCluster('one', source())]);
    server.publish('EDS', 'e1', [assignment('one', ports.httpbin)]);
    server.publish('LDS', 'l1', [listener(ports, source())]);
    server.publish('RDS', 'r1', [routes('routes', to('one'))]);
    return () => server.close();
  },
  config: ports => bootstrap(ports),
  steps: [
    asking('what it is asked at first', () => undefined),
    lastOf('CDS'),
    lastOf('EDS'),
    main('a request finds its way'),
    named('counted at first', stats(...all)),
    publishing('other routes', 'RDS', 'r2', () => [routes('routes', { direct_response: { status: 202 } })]),
    main('they are in use'),
    publishing('the same version again', 'RDS', 'r2', () => [routes('routes', { direct_response: { status: 204 } })]),
    main('what it says is in use'),
    named('counted after it', stats(...all.filter(name => /rds/.test(name)))),
    publishing('routes that cannot be', 'RDS', 'r3', () => [routes('routes', { direct_response: { status: 99 } })]),
    main('those before stay'),
    publishing('no routes', 'RDS', 'r4', () => []),
    publishing('routes with a field that nobody knows', 'RDS', 'r4', () => [
      { ...routes('routes', to('one')), unknown: 1 },
    ]),
    stats('server.dynamic_unknown_fields'),
    publishing('routes again', 'RDS', 'r5', () => [routes('routes', to('one'))]),
    publishing('another host', 'EDS', 'e2', ({ ports }) => [assignment('one', ports.raw)]),
    publishing('a cluster more', 'CDS', 'c2', () => [edsCluster('one', source()), edsCluster('two', source())]),
    named('warming, without hosts', stats('cluster_manager.warming_clusters')),
    publishing('its hosts', 'EDS', 'e3', ({ ports }) => [
      assignment('one', ports.httpbin),
      assignment('two', ports.raw),
    ]),
    named('warming, with hosts', stats('cluster_manager.warming_clusters')),
    publishing('a cluster goes', 'CDS', 'c3', () => [edsCluster('one', source())]),
    publishing('a cluster that cannot be', 'CDS', 'c4', () => [
      edsCluster('one', source()),
      edsCluster('bad', source(), { outlier_detection: { max_ejection_percent: 101 } }),
    ]),
    asking('not modified', () => server.reply('CDS', { status: 304 })),
    asking('an error', () => server.reply('CDS', { status: 500, body: 'no' })),
    asking('a body that is no JSON', () => server.reply('CDS', { status: 200, body: 'no' })),
    asking('a body that is no response', () => server.reply('CDS', { status: 200, body: '{"resources": 7}' })),
    asking('an empty body', () => server.reply('CDS', { status: 200 })),
    asking('an empty response', () => server.reply('EDS', { status: 200, body: '{}' })),
    asking('a resource of another type', () =>
      server.reply('CDS', {
        status: 200,
        body: JSON.stringify({ version_info: 'c5', resources: [routes('routes', to('one'))] }),
      }),
    ),
    asking('the connection is cut', () => server.cut('CDS')),
    named('counted then', stats(...all)),
    publishing('a listener with a certificate', 'LDS', 'l2', ({ ports }) => [
      listener(ports, source()),
      secured(ports, source()),
    ]),
    named('it waits for it', stats('listener_manager.total_listeners_warming')),
    publishing('the certificate', 'SDS', 's1', () => [
      { '@type': api('extensions.transport_sockets.tls.v3.Secret'), name: 'own', tls_certificate: certificate('one') },
    ]),
    named('it has it', stats('listener_manager.total_listeners_warming', 'sds.own.update_success')),
    publishing('other routes for it', 'LDS', 'l3', ({ ports }) => [listener(ports, source(), 'others')]),
    named('it warms', stats('listener_manager.total_listeners_warming')),
    publishing('these routes', 'RDS', 'r6', () => [routes('others', { direct_response: { status: 203 } })]),
    main('they are in use then'),
    {
      name: 'the control plane goes',
      see: async place => {
        await server.close();
        return until('cluster.control-plane.upstream_cx_active', 0).see(place);
      },
    },
    main('all goes on without'),
    asking('it comes back', async ({ ports }) => {
      server = new RestServer();
      await server.listen(ports.nobody);
      await wait(patienceMs / 2);
    }),
    publishing('no cluster', 'CDS', 'c9', () => []),
    publishing('no listener', 'LDS', 'l9', () => []),
    main('nobody'),
    admin('/config_dump?resource=dynamic_active_clusters', body => body.replaceAll(/"last_updated".*/g, '')),
  ],
};

/** It hears what it is asked, and says nothing for a while. */
const silent: Scenario = {
  name: 'a control plane that says nothing to plain HTTP',
  beside: async ports => {
    server = new RestServer();
    await server.listen(ports.nobody);
    return () => server.close();
  },
  config: ports => bootstrap(ports, { request_timeout: '0.2s', transport_api_version: undefined }, '0.7s'),
  steps: [
    named('nothing came in time', stats('cluster_manager.cds.init_fetch_timeout')),
    named('nor of listeners', stats('listener_manager.lds.init_fetch_timeout')),
    {
      name: 'each request that is not answered is a failure',
      see: async ({ ports }) => {
        const prefix = 'cluster_manager.cds.update_';
        const names = ['failure', 'attempt', 'success', 'rejected'].map(name => prefix + name);
        const seen = Object.values(await readStats(ports.admin, names)).map(Number);
        const [failures = 0, attempts = 0, ...others] = seen;
        return { several: failures > 1, underWay: attempts - failures <= 1, others };
      },
    },
    lastOf('CDS'),
    {
      name: 'it answers after all',
      see: async place => {
        const { ports } = place;
        server.publish('CDS', 'c1', [edsCluster('one', source())]);
        server.publish('EDS', 'e1', [assignment('one', ports.httpbin)]);
        server.publish('RDS', 'r1', [routes('routes', to('one'))]);
        server.publish('LDS', 'l1', [listener(ports, source())]);
        return until('listener_manager.total_listeners_active', 1).see(place);
      },
    },
    main('a request finds its way'),
  ],
};

export const restControlPlanes: Scenario[] = [polling, silent];

/** Resources that a control plane sends: what it is asked, and what is made of its answers. */
import { setTimeout as wait } from 'node:timers/promises';
import { admin, type Scenario, stats } from '../scenario.ts';
import { XdsServer } from '../xds-server.ts';
import { until } from './answers.ts';
import { address } from './configuration.ts';
import {
  answers,
  assignment,
  bootstrap,
  ControlPlane,
  edsCluster,
  listener,
  main,
  named,
  routes,
  sourceOf,
  to,
  type Way,
  ways,
} from './control-plane-steps.ts';
import { api } from './discovery.ts';
import { certificate } from './tls-steps.ts';

type Json = Record<string, unknown>;

const plane = new ControlPlane();

/** All streams are there anew. */
async function reconnected({ aggregated }: Way): Promise<void> {
  const until = Date.now() + 20_000;
  const first = () => plane.server.record.filter(line => line.includes('no nonce')).length;
  while (first() < (aggregated ? 4 : 5) && Date.now() < until) await wait(20);
}

const counted = ['update_attempt', 'update_success', 'update_rejected', 'update_failure', 'init_fetch_timeout'];
const prefixes = ['cluster_manager.cds.', 'listener_manager.lds.', 'http.in.rds.routes.', 'cluster.one.'];
const all = [
  ...prefixes.flatMap(prefix => [...counted, 'version', 'version_text'].map(name => prefix + name)),
  ...['connected_state', 'pending_requests', 'rate_limit_enforced'].flatMap(name => [
    `control_plane.${name}`,
    `cluster_manager.cds.control_plane.${name}`,
  ]),
];

const streams = (
  way: Way,
  source = sourceOf(way),
  asking = plane.asking(way),
  publishing = plane.publishing(way),
): Scenario => ({
  name: `a control plane: ${way.name}`,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', [edsCluster('one', source)]);
    server.publish('EDS', 'e1', [assignment('one', ports.httpbin)]);
    server.publish('LDS', 'l1', [listener(ports, source)]);
    server.publish('RDS', 'r1', [routes('routes', to('one'))]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    main('a request finds its way'),
    named('counted at first', stats(...all)),
    publishing('other routes', 'RDS', 'r2', () => [routes('routes', answers(202))]),
    main('they are in use'),
    publishing('routes that cannot be', 'RDS', 'r3', () => [routes('routes', answers(99))]),
    main('those before stay'),
    publishing('routes again', 'RDS', 'r4', () => [routes('routes', to('one'))]),
    publishing('a host more', 'EDS', 'e2', ({ ports }) => [assignment('one', ports.raw)]),
    publishing('a cluster more', 'CDS', 'c2', () => [edsCluster('one', source), edsCluster('two', source)]),
    named('warming, without hosts', stats('cluster_manager.warming_clusters')),
    publishing('its hosts', 'EDS', 'e3', ({ ports }) => [
      assignment('one', ports.httpbin),
      assignment('two', ports.raw),
    ]),
    named('warming, with hosts', stats('cluster_manager.warming_clusters')),
    publishing('a cluster changes', 'CDS', 'c3', () => [
      edsCluster('one', source),
      edsCluster('two', source, { connect_timeout: '2s' }),
    ]),
    publishing('a cluster goes', 'CDS', 'c4', () => [edsCluster('one', source)]),
    publishing('a cluster that cannot be', 'CDS', 'c5', () => [
      edsCluster('one', source),
      {
        '@type': api('config.cluster.v3.Cluster'),
        name: 'bad',
        type: 'STATIC',
        load_assignment: {
          cluster_name: 'bad',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1, 'nowhere') } }] }],
        },
      },
    ]),
    publishing('a cluster that is no message', 'CDS', 'c6', () => [
      edsCluster('one', source, { outlier_detection: { max_ejection_percent: 101 } }),
    ]),
    publishing('a listener with other routes', 'LDS', 'l2', ({ ports }) => [listener(ports, source, 'others')]),
    stats('listener_manager.total_listeners_warming'),
    publishing('these routes', 'RDS', 'r5', () => [routes('others', answers(203))]),
    main('they are in use then'),
    named('counted then', stats(...all)),
    asking('the streams end', async () => {
      plane.server.record.length = 0;
      plane.server.endStreams(14, 'gone');
      await reconnected(way);
    }),
    main('all goes on'),
    asking('the control plane goes', async place => {
      await plane.server.close();
      await until('cluster.control-plane.upstream_cx_active', 0).see(place);
    }),
    main('all goes on without'),
    stats(...all.filter(name => /connected/.test(name))),
    asking('it comes back', async ({ ports }) => {
      plane.server = new XdsServer();
      plane.server.publish('CDS', 'c4', [edsCluster('one', source)]);
      await plane.server.listen(ports.nobody);
      await reconnected(way);
    }),
    publishing('no listener', 'LDS', 'l3', () => []),
    main('nobody'),
  ],
});

/** What listeners wait for, and what they share with those before. */
const waiting = (
  way: Way,
  source = sourceOf(way),
  asking = plane.asking(way),
  publishing = plane.publishing(way),
): Scenario => ({
  name: `listeners of a control plane: ${way.name}`,
  beside: plane.beside((server, ports) => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', [listener(ports, source)]);
    server.publish('RDS', 'r1', [routes('routes', answers(201))]);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    asking('what it is asked at first'),
    publishing('another listener with the same routes', 'LDS', 'l2', ({ ports }) => [
      listener(ports, source, 'routes', { per_connection_buffer_limit_bytes: 9999 }),
    ]),
    main('it has them'),
    asking('one whose routes do not come', ({ ports }) => {
      plane.server.silent.add('RDS');
      plane.server.publish('LDS', 'l3', [listener(ports, source, 'late')]);
    }),
    named('it warms', stats('listener_manager.total_listeners_warming', 'listener_manager.listener_modified')),
    main('the one before serves'),
    {
      ...admin('/config_dump?resource=dynamic_listeners', body =>
        body.replaceAll(/initial_fetch_timeout": "10.*/g, ''),
      ),
      name: 'the dump while it warms',
    },
    asking('they come', () => {
      plane.server.silent.clear();
      plane.server.publish('RDS', 'r2', [routes('routes', answers(201)), routes('late', answers(202))]);
    }),
    main('it serves'),
    publishing('one with a certificate', 'LDS', 'l4', ({ ports }) => {
      const secured = listener(ports, source, 'routes', { name: 'secured', address: address(ports.raw, '127.0.0.3') });
      const common = { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: source }] };
      const typed = {
        '@type': api('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
        common_tls_context: common,
      };
      const [chain] = secured.filter_chains as Json[];
      return [
        listener(ports, source, 'late'),
        { ...secured, filter_chains: [{ ...chain, transport_socket: { name: 'tls', typed_config: typed } }] },
      ];
    }),
    named('it waits for it', stats('listener_manager.total_listeners_warming')),
    publishing('the certificate', 'SDS', 's1', () => [
      {
        '@type': api('extensions.transport_sockets.tls.v3.Secret'),
        name: 'own',
        tls_certificate: certificate('one'),
      },
    ]),
    named('it has it', stats('listener_manager.total_listeners_warming', 'sds.own.update_success')),
    publishing('a listener that cannot be', 'LDS', 'l5', ({ ports }) => [
      listener(ports, source, 'late'),
      { ...listener(ports, source, 'late'), name: 'twice' },
    ]),
    publishing('no listeners', 'LDS', 'l6', () => []),
    named(
      'nothing is left',
      stats('listener_manager.total_listeners_active', 'listener_manager.total_listeners_warming'),
    ),
  ],
});

export const controlPlanes: Scenario[] = [
  ...ways.map(way => streams(way)),
  ...ways.filter(({ aggregated }) => aggregated).map(way => waiting(way)),
];

/** Istio's own tool reads the proxy's dump, and shows of it what it shows of a real Envoy's. @see https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-proxy-config */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { address, bootstrap, cluster, route } from '../conformance/scenarios/configuration.ts';
import { put, response, source } from '../conformance/scenarios/discovery.ts';
import { envoyIsMissing, findEnvoy, ours, type Subject, start } from '../conformance/subject.ts';
import { top } from '../lint/files.ts';

type Json = Record<string, unknown>;

const program = findProgram('istioctl', 'UNICORN_ISTIOCTL');
const skip =
  (program === undefined && 'no istioctl here: name it by UNICORN_ISTIOCTL, or put it on the PATH') || envoyIsMissing;

const seconds = 1000;
const type = (name: string): string => `type.googleapis.com/envoy.${name}`;
const routerFilter = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': type('extensions.filters.http.router.v3.Router') },
};

function manager(more: Json): Json {
  const typed_config = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'inbound',
    http_filters: [routerFilter],
    ...more,
  };
  return { name: 'envoy.filters.network.http_connection_manager', typed_config };
}

/** Listeners, clusters, routes, endpoints and a secret from files beside those of the bootstrap, as a sidecar has them. */
function discovered(folder: string, port: number): void {
  const secured = {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      common_tls_context: {
        tls_certificate_sds_secret_configs: [{ name: 'shown', sds_config: source(folder, 'secrets') }],
      },
    },
  };
  const rds = { route_config_name: 'shop', config_source: source(folder, 'routes') };
  put(
    folder,
    'listeners',
    response('1', [
      {
        '@type': type('config.listener.v3.Listener'),
        name: 'inbound',
        address: address(port),
        filter_chains: [
          {
            filter_chain_match: { server_names: ['shop.example'] },
            filters: [manager({ rds })],
            transport_socket: secured,
          },
          { filters: [manager({ rds })] },
        ],
        listener_filters: [
          {
            name: 'envoy.filters.listener.tls_inspector',
            typed_config: { '@type': type('extensions.filters.listener.tls_inspector.v3.TlsInspector') },
          },
        ],
      },
    ]),
  );
  put(
    folder,
    'clusters',
    response('1', [
      {
        '@type': type('config.cluster.v3.Cluster'),
        name: 'outbound|80|v1|orders.shop.svc.cluster.local',
        type: 'EDS',
        eds_cluster_config: { eds_config: source(folder, 'endpoints') },
      },
    ]),
  );
  put(
    folder,
    'endpoints',
    response('1', [
      {
        '@type': type('config.endpoint.v3.ClusterLoadAssignment'),
        cluster_name: 'outbound|80|v1|orders.shop.svc.cluster.local',
        endpoints: [
          {
            locality: { region: 'r', zone: 'z' },
            lb_endpoints: [9, 10].map(one => ({
              endpoint: { address: address(one) },
              health_status: one === 9 ? 'HEALTHY' : 'UNHEALTHY',
            })),
          },
        ],
      },
    ]),
  );
  const orders = { cluster: 'outbound|80|v1|orders.shop.svc.cluster.local' };
  put(
    folder,
    'routes',
    response('1', [
      {
        '@type': type('config.route.v3.RouteConfiguration'),
        name: 'shop',
        virtual_hosts: [
          {
            name: 'orders.shop.svc.cluster.local:80',
            domains: ['orders', 'orders.shop'],
            routes: [
              { name: 'exact', match: { path: '/a' }, route: orders },
              {
                match: { safe_regex: { regex: '/b.*' }, headers: [{ name: 'x', present_match: true }] },
                route: orders,
              },
              { match: { prefix: '/' }, redirect: { host_redirect: 'example.com' } },
            ],
          },
        ],
      },
    ]),
  );
  put(
    folder,
    'secrets',
    response('1', [
      {
        '@type': type('extensions.transport_sockets.tls.v3.Secret'),
        name: 'shown',
        tls_certificate: {
          certificate_chain: { filename: join(top, 'test/fixtures/tls/one.pem') },
          private_key: { filename: join(top, 'test/fixtures/tls/one.key') },
        },
      },
    ]),
  );
}

/** What istioctl is asked; most of it in the form of tables too. */
const views = [
  ...['clusters', 'listeners', 'routes', 'endpoints', 'secret'].flatMap(kind => [[kind], [kind, '-o', 'json']]),
  ['listeners', '--verbose=false'],
  ['clusters', '--fqdn', 'orders.shop.svc.cluster.local'],
  ['routes', '--name', 'shop', '-o', 'yaml'],
  ['endpoints', '--status', 'healthy'],
  ['all'],
];

describe('istioctl proxy-config', { skip, timeout: 120 * seconds }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'istioctl-'));
  const home = join(folder, 'home');
  const dumpOf = (name: Subject['name'], path: string): string => join(folder, `${name}-${path.split('?')[0]}.json`);

  /** Both run on the same ports, one after the other. */
  before(async () => {
    mkdirSync(home);
    const [listener = 0, admin = 0, inbound = 0] = await freePorts(3);
    discovered(folder, inbound);
    const parts = {
      routes: [route('/', 'static')],
      clusters: [cluster('static', [9]), cluster('named', [9], { type: 'STRICT_DNS' })],
      bootstrap: {
        node: { id: 'sidecar~127.0.0.1~a.shop~shop.svc.cluster.local', cluster: 'a.shop' },
        dynamic_resources: { lds_config: source(folder, 'listeners'), cds_config: source(folder, 'clusters') },
      },
    };
    const file = join(folder, 'proxy.json');
    const ports = { httpbin: 0, raw: 0, http2: 0, nobody: 0, listener, admin };
    writeFileSync(file, JSON.stringify(bootstrap(ports, join(folder, 'access.log'), parts)));
    for (const subject of [findEnvoy()!, ours]) {
      const proxy = await start(subject, file, admin, 420);
      try {
        for (const path of ['config_dump?include_eds', 'clusters?format=json']) {
          const answer = await fetch(`http://127.0.0.1:${admin}/${path}`);
          writeFileSync(dumpOf(subject.name, path), await answer.text());
        }
      } finally {
        await proxy.stop();
      }
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  /** What is said of a dump. Versions of the proxies and the time of the dump are their own. */
  const said = async (name: Subject['name'], view: string[]): Promise<string> => {
    const dump = view[0] === 'endpoints' ? 'clusters' : 'config_dump';
    const args = ['proxy-config', ...view, '-f', dumpOf(name, dump)];
    const { stdout } = await promisify(execFile)(program!, args, { env: { HOME: home }, timeout: 30 * seconds });
    return stdout
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
      .replace(/^(Envoy Version: )\d+\.\d+\.\d+(\/\w+\/RELEASE\/)\w+$/m, '$1<version>$2<TLS>');
  };

  for (const view of views) {
    it(view.join(' '), async () => {
      const [theirs, own] = [await said('envoy', view), await said('ours', view)];
      assert.ok(theirs.split('\n').length > 2, `something is shown: ${theirs}`);
      assert.equal(own, theirs);
    });
  }
});

/** The control plane of the lessons, asked by a real Envoy, and by our proxy in the same way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { wordsOf, type XdsEvent } from '../../images/xds-server/events.ts';
import { type Kind, type KindName, kinds } from '../../images/xds-server/kinds.ts';
import { type Resource, readResources } from '../../images/xds-server/resources.ts';
import { XdsServer } from '../../images/xds-server/server.ts';
import { freePorts, readStats } from '../conformance/scenario.ts';
import { envoyIsMissing, findEnvoy, ours, type Running, type Subject, start } from '../conformance/subject.ts';

const seconds = 1000;
const patience = 20 * seconds;
const typePrefix = 'type.googleapis.com/envoy.extensions';
const ads = { ads: {}, resource_api_version: 'V3' };
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

const bootstrap = (admin: number, server: number, apiType: string) => ({
  node: { id: 'proxy', cluster: 'test' },
  admin: { address: address(admin) },
  dynamic_resources: {
    ads_config: {
      api_type: apiType,
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'control-plane' } }],
    },
    lds_config: ads,
    cds_config: ads,
  },
  static_resources: {
    clusters: [
      {
        name: 'control-plane',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': `${typePrefix}.upstreams.http.v3.HttpProtocolOptions`,
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'control-plane',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(server) } }] }],
        },
      },
    ],
  },
});

function listener(port: number): object {
  const manager = {
    '@type': `${typePrefix}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'ingress',
    rds: { route_config_name: 'main', config_source: ads },
    http_filters: [{ name: 'router', typed_config: { '@type': `${typePrefix}.filters.http.router.v3.Router` } }],
  };
  const filters = [{ name: 'http', typed_config: manager }];
  return { name: 'ingress', address: address(port), filter_chains: [{ filters }] };
}
const route = (status: number) => ({
  name: 'main',
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status } }] }],
});
const cluster = (timeout: string) => ({
  name: 'v1',
  type: 'EDS',
  connect_timeout: timeout,
  eds_cluster_config: { eds_config: ads },
});
const endpoints = { cluster_name: 'v1', endpoints: [{ lb_endpoints: [{ endpoint: { address: address(9) } }] }] };

function resources(name: KindName, ...list: object[]): [Kind, Resource[]] {
  const kind = kinds.find(one => one.name === name)!;
  return [kind, readResources(kind, JSON.stringify(list))];
}

function follows(subject: Subject, apiType: string, baseId: number): void {
  describe(`${subject.name} by ${apiType}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'xds-server-'));
    const said: string[] = [];
    let heard = Promise.withResolvers<void>();
    const server = new XdsServer((event: XdsEvent) => {
      said.push(wordsOf(event).text);
      heard.resolve();
      heard = Promise.withResolvers();
    });
    /** Waits until that was said so often. */
    const says = async (start: string, times = 1): Promise<void> => {
      const timeout = AbortSignal.timeout(patience);
      while (said.filter(line => line.startsWith(start)).length < times)
        await Promise.race([
          heard.promise,
          once(timeout, 'abort').then(() => assert.fail(`${start}: ${said.join('\n')}`)),
        ]);
    };
    const publish = (...news: [Kind, Resource[]][]): void => server.publish(new Map(news));
    let proxy: Running | undefined;
    let [port = 0, admin = 0]: number[] = [];
    const answers = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/`)).status;

    before(async () => {
      [port = 0, admin = 0] = await freePorts(2);
      publish(resources('CDS', cluster('1s')), resources('EDS', endpoints));
      publish(resources('LDS', listener(port)), resources('RDS', route(201)));
      const file = join(folder, 'proxy.json');
      writeFileSync(file, JSON.stringify(bootstrap(admin, await server.listen(0, '127.0.0.1'), apiType)));
      proxy = await start(subject, file, admin, baseId);
    });
    after(async () => {
      await proxy?.stop();
      await server.close();
      rmSync(folder, { recursive: true });
    });

    it('takes all kinds, and a change of one', async () => {
      for (const name of ['CDS', 'EDS', 'LDS', 'RDS']) await says(`proxy ${name} version 1 ACK`);
      assert.equal(await answers(), 201);
      publish(resources('RDS', route(202)));
      await says('proxy RDS version 2 ACK');
      assert.equal(await answers(), 202);
    });

    it('refuses what is wrong, stays with what was there, and takes it mended', async () => {
      publish(resources('RDS', route(2020)));
      await says('proxy RDS version 3 NACK. It stays with version 2. Its reason:');
      assert.equal(await answers(), 202);
      assert.match(said.join('\n'), /value must be inside range \[200, 600\)/);
      publish(resources('RDS', route(204)));
      await says('proxy RDS version 4 ACK');
      assert.equal(await answers(), 204);
    });

    it('has the endpoints of a cluster that changed, though these did not', async () => {
      publish(resources('CDS', cluster('2s')));
      await says('proxy CDS version 2 ACK');
      await says('proxy EDS version 1 ACK', 2);
      const stats = await readStats(admin, ['cluster_manager.warming_clusters', 'cluster.v1.membership_total']);
      assert.deepEqual(stats, { 'cluster_manager.warming_clusters': '0', 'cluster.v1.membership_total': '1' });
    });
  });
}

describe('the control plane of the lessons', { timeout: 120 * seconds }, () => {
  for (const [index, apiType] of ['GRPC', 'DELTA_GRPC'].entries()) follows(ours, apiType, 300 + index);
  const envoy = findEnvoy();
  if (envoy === null) it('is asked by a real Envoy', { skip: envoyIsMissing }, () => {});
  else for (const [index, apiType] of ['GRPC', 'DELTA_GRPC'].entries()) follows(envoy, apiType, 302 + index);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Cluster, ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { ConfigurationError } from './errors.ts';
import { ResourceLoader } from './resource-loader.ts';
import type { LoadedResource, LoadedResources, RefusedResource, ResourceRequest } from './resources.ts';

const folder = mkdtempSync(join(tmpdir(), 'resources-'));
const path = join(folder, 'cds.yaml');
const loader = new ResourceLoader();
after(() => {
  loader.close();
  rmSync(folder, { recursive: true });
});

const clusters = (text: string, more: Partial<ResourceRequest> = {}): Promise<LoadedResources> => {
  writeFileSync(path, text);
  return loader.load({ typeName: ClusterSchema.typeName, source: { path }, rejectUnknownFields: false, ...more });
};
const type = '"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster';
const refusals = ({ resources }: LoadedResources) => resources.filter(one => 'refused' in one) as RefusedResource[];

describe('resources that come while the proxy runs', () => {
  it('are loaded from a file that holds a response', async () => {
    const { version, resources } = await clusters(`
version_info: "7"
resources:
- ${type}
  name: one
  connect_timeout: 2s
- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource
  name: two
  resource: { ${type}, name: two }
`);
    assert.equal(version, '7');
    assert.deepEqual(
      resources.map(({ name }) => name),
      ['one', 'two'],
    );
    const [one] = resources as LoadedResource<Cluster>[];
    assert.equal(one!.message.connectTimeout?.seconds, 2n);
    assert.deepEqual(one!.document, { name: 'one', connect_timeout: '2s' });
  });

  it('are loaded from binary messages', async () => {
    const messages = [toBinary(ClusterSchema, create(ClusterSchema, { name: 'binary', altStatName: 'other' }))];
    const { resources } = await loader.load({
      typeName: ClusterSchema.typeName,
      source: { messages },
      rejectUnknownFields: false,
    });
    assert.deepEqual((resources[0] as LoadedResource).document, { name: 'binary', alt_stat_name: 'other' });
  });

  it('may have fields that the schema does not know, which are counted, or refused', async () => {
    const text = `resources: [{ ${type}, name: one, brand_new_field: 1 }]`;
    assert.equal((await clusters(text)).unknownFields, 1);
    const [refusal] = refusals(await clusters(text, { rejectUnknownFields: true }));
    assert.match(refusal!.refused, /cds\.yaml:1: brand_new_field: no such field/);
  });

  it('are refused one by one, each with its place', async () => {
    const answer = await clusters(`
resources:
- ${type}
  name: good
- ${type}
  name: bad
  type: STATIC
  load_assignment:
    cluster_name: bad
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: no-ip, port_value: 1 } } } }] }]
- ${type}
  name: odd
  connection_pool_per_downstream_connection: true
- ${type}
  name: broken
  connect_timeout: -1s
`);
    const [bad, odd, broken, ...more] = refusals(answer);
    assert.match(bad!.refused, /cds\.yaml:10: load_assignment\.endpoints\[0\].*malformed IP address: no-ip/);
    assert.match(
      odd!.refused,
      /cds\.yaml:13: connection_pool_per_downstream_connection: .* is not supported by this proxy/,
    );
    // What came with these is taken; with what is no valid message nothing is.
    assert.deepEqual([bad!.invalid, odd!.invalid, broken!.invalid], [false, false, true]);
    assert.deepEqual(more, []);
    assert.equal(answer.resources.length, 4);
  });

  it('are refused whole where the file cannot be read', async () => {
    await assert.rejects(clusters('resources: ['), ConfigurationError);
    await assert.rejects(clusters('resources: 3'), /resources: expected a list/);
    await assert.rejects(
      clusters('resources: [{ "@type": x/envoy.config.listener.v3.Listener }]'),
      /expected a resource of type envoy.config.cluster.v3.Cluster/,
    );
    rmSync(path);
    await assert.rejects(
      loader.load({ typeName: ClusterSchema.typeName, source: { path }, rejectUnknownFields: false }),
      /unable to read file/,
    );
  });

  it('are answered in the order of asking', async () => {
    writeFileSync(path, `resources: [{ ${type}, name: one }]`);
    const ask = () => loader.load({ typeName: ClusterSchema.typeName, source: { path }, rejectUnknownFields: false });
    const answers = await Promise.all([ask(), ask(), ask()]);
    assert.deepEqual(
      answers.map(({ resources }) => resources.length),
      [1, 1, 1],
    );
  });

  it('are loaded again by a new process after that process was closed', async () => {
    const other = new ResourceLoader();
    writeFileSync(path, `resources: [{ ${type}, name: one }]`);
    const request = { typeName: ClusterSchema.typeName, source: { path }, rejectUnknownFields: false };
    await other.load(request);
    const lost = other.load(request);
    other.close();
    await assert.rejects(lost, /the process that loads configuration: the proxy ends/);
    assert.equal((await other.load(request)).resources.length, 1);
    other.close();
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { hostAt } from '../../test/fixtures/upstream-host.ts';
import { Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as FallbackPolicy } from '../api/enums.js';
import { type Cluster_LbSubsetConfigSchema, ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Json } from '../configuration/json.ts';
import { StatsStore } from '../stats/store.ts';
import { MetadataCriteria } from './metadata-criteria.ts';
import { SubsetIndex, SubsetStats } from './subset-index.ts';
import { makeSubsetPicker } from './subset-picker.ts';
import { subsetSettings } from './subset-settings.ts';

const hosts = [1, 2, 3].map(port => hostAt(port, { metadata: { version: String(port), stage: 'dev' } }));

function dividedBy(lbSubsetConfig: MessageInitShape<typeof Cluster_LbSubsetConfigSchema>) {
  const settings = subsetSettings(create(ClusterSchema, { lbSubsetConfig }))!;
  const stats = new SubsetStats(new StatsStore().scope('cluster.a.'));
  const index = new SubsetIndex(settings, stats);
  const pick = makeSubsetPicker({ settings, stats, index, pickerOf: some => () => some[0] });
  index.setHosts(hosts);
  return { index, stats, pick };
}

const asking = (fields: Record<string, Json>) => new MetadataCriteria(new Map(Object.entries(fields)));

test('a subset is found whatever the order of keys and of the fields of values', () => {
  const one = hostAt(1, { metadata: { b: { y: 1, x: [2] }, a: 'z' } });
  const { index, pick } = dividedBy({ subsetSelectors: [{ keys: ['b', 'a'] }] });
  index.setHosts([one]);
  assert.equal(pick(undefined, 0, asking({ b: { x: [2], y: 1 }, a: 'z' })), one);
  assert.equal(pick(undefined, 0, asking({ b: { x: ['2'], y: 1 }, a: 'z' })), undefined);
});

test('subsets are counted as they come and go, choices once however many hosts are refused', () => {
  const { index, stats, pick } = dividedBy({
    fallbackPolicy: FallbackPolicy.ANY_ENDPOINT,
    subsetSelectors: [{ keys: ['version'] }],
  });
  assert.equal(stats.active.value, 6);
  index.setHosts(hosts.slice(1));
  assert.deepEqual([stats.active.value, stats.created.value, stats.removed.value], [4, 6, 2]);
  for (const attempt of [0, 1, 2]) assert.equal(pick(undefined, attempt, asking({ version: '2' })), hosts[1]);
  for (const attempt of [0, 1]) assert.equal(pick(undefined, attempt, asking({ version: '1' })), hosts[1]);
  assert.deepEqual([stats.selected.value, stats.fallback.value], [1, 1]);
});

test('of a subset of a single host, what is refused is counted', () => {
  const { stats, pick } = dividedBy({ subsetSelectors: [{ keys: ['stage'], singleHostPerSubset: true }] });
  assert.equal(stats.singleDuplicate.value, 2);
  assert.equal(pick(undefined, 0, asking({ stage: 'dev' })), hosts[0]);
});

test('criteria of a share come before those of its route', () => {
  const outer = asking({ a: '1', b: '1' });
  const metadata = (fields: Record<string, string>) => ({ filterMetadata: { 'envoy.lb': fields } }) as never;
  assert.equal(MetadataCriteria.of(metadata({ b: '2' }), outer)!.key, asking({ b: '2', a: '1' }).key);
  assert.equal(MetadataCriteria.of(undefined, outer), outer);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { hostAt } from '../../test/fixtures/upstream-host.ts';
import { Cluster_LbPolicy as LbPolicy } from '../api/enums.js';
import { ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import type { Host } from '../cluster/host.ts';
import { StatsStore } from '../stats/store.ts';
import { makeHashPicker, makePicker, type Picker } from './host-picker.ts';
import { flatShares } from './localities.ts';
import { choosesByHash } from './priority-picker.ts';
import { balancerSettings } from './settings.ts';

function pickerOf(lbPolicy: LbPolicy, hosts: Host[], more: MessageInitShape<typeof ClusterSchema> = {}): Picker {
  const configuration = create(ClusterSchema, { lbPolicy, ...more });
  const settings = balancerSettings(configuration, new StatsStore().scope('cluster.a.'), undefined);
  return choosesByHash(settings) ? makeHashPicker(settings, flatShares(hosts), () => 0) : makePicker(settings, hosts);
}

/** How often each host was picked. */
function shares(pick: Picker, hosts: Host[], times: number): number[] {
  const picked = Array.from({ length: times }, () => pick());
  return hosts.map(host => picked.filter(one => one === host).length);
}

test('RANDOM takes every host about equally often', () => {
  const hosts = [hostAt(1), hostAt(2)];
  for (const count of shares(pickerOf(LbPolicy.RANDOM, hosts), hosts, 2000)) assert.ok(Math.abs(count - 1000) < 300);
});

test('LEAST_REQUEST takes the host with fewer active requests unless it drew the other twice', () => {
  const hosts = [hostAt(1), hostAt(2)];
  hosts[0]!.gauges.rq_active = 5;
  const [busy = 0] = shares(pickerOf(LbPolicy.LEAST_REQUEST, hosts), hosts, 2000);
  assert.ok(busy > 300 && busy < 700, String(busy));
});

test('LEAST_REQUEST with weights gives each its share, less to who is busy, by the bias', () => {
  const hosts = [hostAt(1, { weight: 3 }), hostAt(2)];
  assert.deepEqual(shares(pickerOf(LbPolicy.LEAST_REQUEST, hosts), hosts, 400), [300, 100]);
  hosts[0]!.gauges.rq_active = 2;
  const even = shares(pickerOf(LbPolicy.LEAST_REQUEST, hosts), hosts, 400);
  assert.ok(Math.abs(even[0]! - 200) <= 1, String(even));
  const unmoved = pickerOf(LbPolicy.LEAST_REQUEST, hosts, {
    lbConfig: { case: 'leastRequestLbConfig', value: { activeRequestBias: { defaultValue: 0, runtimeKey: 'a' } } },
  });
  assert.deepEqual(shares(unmoved, hosts, 400), [300, 100]);
});

for (const policy of [LbPolicy.RING_HASH, LbPolicy.MAGLEV]) {
  const name = policy === LbPolicy.MAGLEV ? 'MAGLEV' : 'RING_HASH';
  const hosts = [1, 2, 3, 4].map(port => hostAt(port));
  // Spread evenly over the ring.
  const hashes = Array.from({ length: 1000 }, (_, i) => BigInt.asUintN(64, BigInt(i + 1) * 0x9e3779b97f4a7c15n));

  test(`${name} gives the same hash the same host, and every host some`, () => {
    const [pick, again] = [pickerOf(policy, hosts), pickerOf(policy, hosts)];
    for (const hash of hashes) assert.equal(pick(hash), again(hash));
    for (const host of hosts) assert.ok(hashes.filter(hash => pick(hash) === host).length > 100);
  });

  test(`${name} moves few requests when a host leaves`, () => {
    const [pick, without] = [pickerOf(policy, hosts), pickerOf(policy, hosts.slice(0, 3))];
    const moved = hashes.filter(hash => pick(hash) !== hosts[3] && pick(hash) !== without(hash)).length;
    assert.ok(moved < 100, String(moved));
  });

  test(`${name} takes a weight into account, a host\u2019s own key, and chooses by chance without a hash`, () => {
    const heavy = [hostAt(1, { weight: 9 }), hostAt(2)];
    const pick = pickerOf(policy, heavy);
    const most = hashes.filter(hash => pick(hash) === heavy[0]).length;
    assert.ok(most > 820 && most < 960, String(most));
    const [one, other] = [hostAt(1, { metadata: { hash_key: 'a' } }), hostAt(2, { metadata: { hash_key: 'b' } })];
    const [moved, still] = [hostAt(3, { metadata: { hash_key: 'a' } }), hostAt(4, { metadata: { hash_key: 'b' } })];
    const [before, after] = [pickerOf(policy, [one, other]), pickerOf(policy, [moved, still])];
    for (const hash of hashes) assert.equal(before(hash) === one, after(hash) === moved);
    assert.equal(new Set(Array.from({ length: 100 }, () => before())).size, 2);
  });

  test(`${name} finds another host for another attempt, and nobody where there is none`, () => {
    const pick = pickerOf(policy, hosts);
    const others = hashes.filter(hash => new Set([0, 1, 2, 3].map(attempt => pick(hash, attempt))).size > 1);
    assert.ok(others.length > 900, String(others.length));
    assert.equal(pickerOf(policy, [])(1n), undefined);
  });
}

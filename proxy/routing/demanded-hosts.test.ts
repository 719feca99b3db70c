import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { VhdsSchema } from '../api/envoy/config/route/v3/route_pb.js';
import { StatsStore } from '../stats/store.ts';
import type { XdsContext } from '../xds/xds-context.ts';
import { DemandedHosts } from './demanded-hosts.ts';

test('a control plane is asked for so many hosts at most, whatever clients make up', async () => {
  const asked: string[] = [];
  const subscription = { start: async () => {}, stop() {}, demand: (name: string) => asked.push(name) };
  const hosts = new DemandedHosts({
    vhds: create(VhdsSchema, {}),
    routesName: 'routes',
    xds: { requireDelta() {}, subscribe: () => subscription } as unknown as XdsContext,
    scope: new StatsStore().scope('http.a.rds.'),
    known: new Map(),
    use() {},
  });
  for (let i = 0; i < 10_000; i++) hosts.demand(`made-up-${i}.example`, () => {})();
  const found = await new Promise(resolve => hosts.demand('one-more.example', resolve));
  assert.deepEqual([asked.length, asked.at(-1), found], [10_000, 'routes/made-up-9999.example', false]);
  hosts.demand('MADE-UP-1.example', () => {})();
  assert.equal(asked.at(-1), 'routes/made-up-1.example');
});

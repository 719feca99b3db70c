import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { Cluster } from '../cluster/cluster.ts';
import { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { StatsStore } from '../stats/store.ts';
import { deadSender } from '../upstream/upstream.ts';
import { OwnRequest, type OwnResponse } from './own-request.ts';

/** What a request of the proxy's own is told of a response with a body of so many chunks of 64 KiB, and whether it was given up. */
function answered(chunks: number): { told: (OwnResponse | undefined)[]; cancelled: number } {
  const cluster = new Cluster(create(ClusterSchema, { name: 'a' }), { store: new StatsStore() });
  const told: (OwnResponse | undefined)[] = [];
  let cancelled = 0;
  const sender = {
    ...deadSender,
    cancel() {
      cancelled++;
    },
  };
  cluster.upstream = () => ({ open: () => sender });
  const request = new OwnRequest(new RequestHeaders(), cluster, 0, response => told.push(response));
  request.send([]);
  request.onHead(new ResponseHeaders(200), false);
  for (let i = 1; i <= chunks && cancelled === 0; i++) request.onData(Buffer.alloc(64 * 1024), i === chunks);
  return { told, cancelled };
}

test('a response is told whole, up to a mebibyte', () => {
  const { told, cancelled } = answered(16);
  assert.deepEqual([told.length, told[0]?.body.length, cancelled], [1, 1024 * 1024, 0]);
});

test('one that is longer is given up, so that whoever is asked cannot fill the memory', () => {
  assert.deepEqual(answered(1000), { told: [undefined], cancelled: 1 });
});

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

/** A request of the proxy's own whose host may be played, and what was told of its reading. */
function copied() {
  const cluster = new Cluster(create(ClusterSchema, { name: 'a' }), { store: new StatsStore() });
  const told: boolean[] = [];
  const sent: string[] = [];
  const sender = {
    ...deadSender,
    sendData: (chunk: Buffer, end: boolean) => void sent.push(`${chunk}${end ? '.' : ''}`),
    cancel: () => void sent.push('cancelled'),
  };
  cluster.upstream = () => ({ open: () => sender });
  const onCongested = (congested: boolean) => void told.push(congested);
  const request = new OwnRequest(new RequestHeaders(), cluster, 0, undefined, { onCongested });
  request.begin(false);
  return { request, told, sent };
}

test('whoever was told to wait for a slow host goes on once that has ended, in whatever way', () => {
  const ends: ((request: OwnRequest) => void)[] = [
    request => request.cancel(),
    request => request.onReset('remote-reset'),
    request => request.onHead(new ResponseHeaders(200), true),
  ];
  for (const end of ends) {
    const { request, told } = copied();
    request.onUpstreamCongested(true);
    request.onUpstreamCongested(true);
    end(request);
    assert.deepEqual(told, [true, false]);
  }
});

test('what follows a whole response is not sent', () => {
  const { request, sent } = copied();
  request.sendData(Buffer.from('a'), false);
  request.onHead(new ResponseHeaders(200), true);
  request.sendData(Buffer.from('b'), true);
  assert.deepEqual(sent, ['a', 'cancelled']);
});

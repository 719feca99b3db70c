import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePicker } from './balancer.ts';
import { Host } from './host.ts';

const host = (port: number) =>
  new Host({ address: '127.0.0.1', port, hostname: '', weight: 1, priority: 0, region: '', zone: '', subZone: '' });

test('RANDOM takes every host about equally often', () => {
  const hosts = [host(1), host(2)];
  const pick = makePicker('random', hosts);
  const picks = Array.from({ length: 2000 }, () => pick());
  for (const one of hosts) assert.ok(Math.abs(picks.filter(picked => picked === one).length - 1000) < 300);
});

test('LEAST_REQUEST takes the host with fewer active requests unless it drew the other twice', () => {
  const [busy, idle] = [host(1), host(2)];
  busy.gauges.rq_active = 5;
  const pick = makePicker('least-request', [busy, idle]);
  const busyPicks = Array.from({ length: 2000 }, () => pick()).filter(picked => picked === busy).length;
  assert.ok(busyPicks > 300 && busyPicks < 700, String(busyPicks));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxOf, centreOf, height, wayOf } from './geometry.ts';
import type { Leg } from './journey.ts';

const hosts = ['a:1', 'b:1', 'c:1'];
const leg = (from: Leg['from'], to: Leg['to'], host = ''): Leg => ({
  from,
  to,
  host,
  startMs: 0,
  durationMs: 1,
  failed: false,
  mark: '',
});

test('boxes of several hosts lie below one another, within the picture', () => {
  for (const count of [1, 2, 3]) {
    const some = hosts.slice(0, count);
    const half = boxOf(count).height / 2;
    const middles = some.map(host => centreOf('upstream', host, some, 720).y);
    assert.ok((middles[0] ?? 0) - half >= 0 && (middles.at(-1) ?? 0) + half <= height, `${count} fit`);
    for (const [index, middle] of middles.entries())
      if (index > 0) assert.ok(middle - half > (middles[index - 1] ?? 0) + half, `${count} are apart`);
  }
});

test('a dot goes from edge to edge: it covers no name', () => {
  const { width } = boxOf(1);
  const proxy = centreOf('proxy', '', ['a:1'], 720).x;
  assert.deepEqual(wayOf(leg('client', 'proxy'), ['a:1'], 720), {
    from: { x: width + 1, y: height / 2 },
    to: { x: proxy - width / 2, y: height / 2 },
  });
  assert.deepEqual(wayOf(leg('upstream', 'proxy', 'a:1'), ['a:1'], 720), {
    from: { x: 720 - width - 1, y: height / 2 },
    to: { x: proxy + width / 2, y: height / 2 },
  });
});

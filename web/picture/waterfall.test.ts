import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TraceSpan } from '../../server/api.ts';
import { nameOfSpan, oneService, startOf, ticksOf, waterfallOf } from './waterfall.ts';

const span = (id: string, atMs: number, durationMs: number, more: Partial<TraceSpan> = {}): TraceSpan => ({
  ...{ id, parentId: null, shared: false, name: id, service: 'proxy', tags: [] },
  ...{ atMs: atMs === 0 ? 0 : 1000 + atMs, durationMs },
  ...more,
});
const lines = (...spans: TraceSpan[]) =>
  waterfallOf({ id: 't', spans }).rows.map(
    ({ span: one, depth, left, width }) => `${'> '.repeat(depth)}${one.name} ${left} ${width}`,
  );

test('each span stands below its parent, in the order of time, with its share of the whole', () => {
  assert.deepEqual(
    lines(
      span('c', 41, 40, { parentId: 'b' }),
      span('d', 91, 10, { parentId: 'a' }),
      span('b', 21, 60, { parentId: 'a' }),
      span('a', 1, 100),
    ),
    ['a 0 100', '> b 20 60', '> > c 40 40', '> d 90 10'],
  );
});

test("a server's span stands below its caller's, which has the same id, and has what the server did for it below", () => {
  const rows = lines(
    span('b', 10, 10, { shared: true, parentId: 'a', name: 'server' }),
    span('b', 5, 20, { parentId: 'a', name: 'client' }),
    span('c', 12, 5, { parentId: 'b' }),
    span('a', 1, 100),
  );
  assert.deepEqual(
    rows.map(row => row.replace(/ \d.*/, '')),
    ['a', '> client', '> > server', '> > > c'],
  );
});

test('nothing is left out: neither what lost its parent, nor what is its own, nor what knows no time', () => {
  const rows = lines(
    span('lost', 1, 10, { parentId: 'nobody' }),
    span('one', 1, 10, { parentId: 'other' }),
    span('other', 1, 10, { parentId: 'one' }),
    span('own', 1, 10, { parentId: 'own' }),
    span('timeless', 0, 0),
  );
  assert.equal(rows.length, 5);
  assert.ok(rows.includes('timeless 0 0.5'), rows.join());
  assert.equal(startOf([span('a', 0, 0), span('b', 5, 0)]), 1005);
  assert.deepEqual(waterfallOf({ id: 't', spans: [] }).rows, []);
});

test('a bar stays within the picture, and is seen however short it is', () => {
  assert.deepEqual(lines(span('a', 1, 100), span('b', 101, 0)), ['a 0 100', 'b 99.5 0.5']);
});

test('status and flag stand at the end; what failed is marked', () => {
  const tags = (...all: [string, string][]) => waterfallOf({ id: 't', spans: [span('a', 1, 1, { tags: all })] });
  const result = (...all: [string, string][]) => [tags(...all).rows[0]?.mark, tags(...all).failed];
  assert.deepEqual(result(['http.status_code', '200'], ['response_flags', '-']), ['200', false]);
  assert.deepEqual(result(['http.status_code', '504'], ['response_flags', 'UT']), ['504 UT', true]);
  assert.deepEqual(result(['http.status_code', '404']), ['404', false]);
  assert.deepEqual(result(['http.status_code', '200'], ['response_flags', 'DI']), ['200 DI', false]);
  assert.deepEqual(result(['http.status_code', '0'], ['response_flags', 'DC']), ['DC', true]);
  assert.deepEqual(result(['error', 'true']), ['', true]);
  assert.deepEqual(result(['http.status_code', 'none']), ['', false]);
});

test('the axis has round times', () => {
  assert.deepEqual(ticksOf(104), [0, 50, 100]);
  assert.deepEqual(ticksOf(1), [0, 0.5, 1]);
  assert.deepEqual(ticksOf(3000), [0, 1000, 2000, 3000]);
  assert.deepEqual(ticksOf(0), [0]);
});

test('who told of all spans is found', () => {
  assert.equal(oneService([span('a', 1, 1), span('b', 1, 1)]), 'proxy');
  assert.equal(oneService([span('a', 1, 1), span('b', 1, 1, { service: 'other' })]), undefined);
});

test('a span without a name is called by its service', () => {
  assert.equal(nameOfSpan(span('a', 1, 1, { name: '' })), 'proxy');
  assert.equal(nameOfSpan(span('a', 1, 1, { name: '', service: '' })), 'a');
});

import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { collector } from './server.ts';
import type { Span } from './span.ts';
import { TraceStore } from './store.ts';
import { isWhole, rowsOf } from './tree.ts';
import { waterfall } from './waterfall.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = (id: string, more: Partial<Span> = {}): Span => ({
  traceId,
  id,
  name: id,
  timestamp: 1_000_000,
  duration: 100_000,
  ...more,
});

describe('the order of spans', () => {
  const names = (spans: Span[]) => rowsOf(spans).map(({ span, depth }) => `${depth} ${span.kind ?? ''} ${span.name}`);

  it('puts each below its parent, in the order of time, whatever came first', () => {
    const spans = [
      span('c', { parentId: 'b' }),
      span('d', { parentId: 'a', timestamp: 2_000_000 }),
      span('b', { parentId: 'a' }),
      span('a'),
    ];
    deepEqual(names(spans), ['0  a', '1  b', '2  c', '1  d']);
  });

  it("puts a server's span below its caller's, which has the same id", () => {
    const spans = [
      span('b', { kind: 'SERVER', shared: true, parentId: 'a' }),
      span('b', { kind: 'CLIENT', parentId: 'a' }),
      span('a', { kind: 'SERVER' }),
      span('c', { parentId: 'b' }),
    ];
    deepEqual(names(spans), ['0 SERVER a', '1 CLIENT b', '2 SERVER b', '3  c']);
  });

  it('begins anew where nobody told of the parent', () => {
    equal(isWhole([span('b', { parentId: 'lost' })]), false);
    equal(isWhole([span('b', { parentId: 'a' }), span('a')]), true);
    deepEqual(names([span('b', { parentId: 'lost' })]), ['0  b']);
  });
});

describe('the waterfall', () => {
  it('draws begin and length of each span, its status and its flags', () => {
    const spans = [
      span('aa', { duration: 400_000, tags: { 'http.status_code': '503', response_flags: 'UF', error: 'true' } }),
      span('bb', { parentId: 'aa', timestamp: 1_200_000, tags: { 'http.status_code': '200', response_flags: '-' } }),
    ];
    const [title = '', first = '', second = ''] = waterfall(spans, { columns: 61, colours: false }).split('\n');
    equal(title, `trace ${traceId}  2 spans, 400 ms`);
    match(first, /^ aa {3}█+ {3}400 ms {2}503 {2}UF$/);
    const [, bar = ''] = /^ {3}bb (.*) {3}100 ms {2}200$/.exec(second) ?? [];
    equal(bar.indexOf('█'), bar.length / 2);
    equal(bar.trim().length, bar.length / 4);
  });

  it('prints nothing that a terminal would act on', () => {
    match(waterfall([span('a', { name: '\u001b[2J' })], { columns: 60, colours: false }), / \?\[2J /);
  });
});

describe('the collector', () => {
  const server = collector(new TraceStore(), () => {});
  let url = '';
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());
  const post = async (path: string, body: string) => (await fetch(url + path, { method: 'POST', body })).status;
  const read = async (path: string) => (await fetch(url + path)).json();

  it('gives what it was sent', async () => {
    const sent = [span('a1', { localEndpoint: { serviceName: 'shop' } }), span('a2', { parentId: 'a1' })];
    equal(await post('/api/v2/spans', JSON.stringify(sent)), 202);
    deepEqual(await read(`/api/v2/trace/${traceId}`), sent);
    deepEqual(await read('/api/v2/traces?serviceName=shop'), [sent]);
    deepEqual(await read('/api/v2/traces?serviceName=other'), []);
    deepEqual(await read('/api/v2/services'), ['shop']);
    match(await (await fetch(url)).text(), /2 spans/);
  });

  it('refuses what is no list of spans', async () => {
    for (const body of ['nonsense', '{}', '[{}]', '[{"traceId":"x","id":"y"}]'])
      equal(await post('/api/v2/spans', body), 400);
    equal(await post('/other', ''), 404);
  });

  it('keeps the last traces only', () => {
    const store = new TraceStore();
    for (let i = 0; i < 300; i++) store.add(span('a', { traceId: i.toString(16).padStart(16, '0'), timestamp: i }));
    equal(store.last(1000).length, 200);
    equal(store.trace('0'), undefined);
    equal(store.last(1)[0]?.[0]?.timestamp, 299);
  });
});

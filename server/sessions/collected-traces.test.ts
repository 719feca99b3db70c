import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentError } from '../agent/errors.ts';
import type { Agent } from '../checks/agent.ts';
import { collectedTraces } from './collected-traces.ts';

type Answer = { status: number; body: string; truncated?: boolean };

/** An agent in whose network the collector answers so. */
function answering(answer: (url: string) => Answer | Promise<Answer>): { agent: Agent; urls: string[] } {
  const urls: string[] = [];
  const call = async (_method: string, { url }: { url: string }) => {
    urls.push(url);
    return { headers: [], durationMs: 1, truncated: false, ...(await answer(url)) };
  };
  return { agent: { call: call as unknown as Agent['call'] }, urls };
}
const telling = (body: unknown) => answering(() => ({ status: 200, body: JSON.stringify(body) }));
const url = (limit: number) => `http://127.0.0.1:9411/api/v2/traces?limit=${limit}`;

test('spans are told in milliseconds, with who told of them and their tags', async () => {
  const door = {
    ...{ traceId: 'ab', id: '1', name: 'customer', timestamp: 1_700_000_000_000_500, duration: 1250 },
    ...{ localEndpoint: { serviceName: 'proxy' }, tags: { 'http.status_code': '200' } },
  };
  const next = { traceId: 'ab', id: '2', parentId: '1', shared: true };
  const { agent, urls } = telling([[door, next]]);
  const { traces } = await collectedTraces(agent);
  assert.deepEqual(urls, [url(20)]);
  assert.deepEqual(traces, [
    {
      id: 'ab',
      spans: [
        {
          ...{ id: '1', parentId: null, shared: false, name: 'customer', service: 'proxy' },
          ...{ atMs: 1_700_000_000_000.5, durationMs: 1.25, tags: [['http.status_code', '200']] },
        },
        { id: '2', parentId: '1', shared: true, name: '', service: '', atMs: 0, durationMs: 0, tags: [] },
      ],
    },
  ]);
});

test('what answers is not trusted: it is cut, and nothing else passes', async () => {
  const tags = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`tag ${n}`, 'x'.repeat(600)]));
  const wild = { traceId: 7, id: {}, parentId: 8, timestamp: 'now', duration: -4, name: 'x'.repeat(900), tags };
  const { traces } = await collectedTraces(telling([Array(300).fill(wild), [], 'no trace', [null]]).agent);
  const [first, second] = traces ?? [];
  assert.equal(traces?.length, 2);
  assert.equal(first?.spans.length, 200);
  const { tags: cut, ...rest } = first!.spans[0]!;
  const nothing = { id: '', parentId: null, shared: false, service: '', atMs: 0, durationMs: 0 };
  assert.deepEqual(rest, { ...nothing, name: 'x'.repeat(200) });
  assert.deepEqual([cut.length, cut[0]], [40, ['tag 0', 'x'.repeat(500)]]);
  assert.deepEqual(second?.spans, [{ ...nothing, name: '', tags: [] }]);
});

test('where nothing listens there is no collector', async () => {
  const { agent } = answering(() => {
    throw new AgentError('refused', 'ECONNREFUSED');
  });
  assert.deepEqual(await collectedTraces(agent), { traces: null });
});

test('of traces that are too much at once fewer are asked for', async () => {
  const large = answering(asked => ({ status: 200, body: '[[{"traceId":"a"}]]', truncated: asked !== url(1) }));
  assert.equal((await collectedTraces(large.agent)).traces?.length, 1);
  assert.deepEqual(large.urls, [url(20), url(5), url(1)]);
  const endless = answering(() => ({ status: 200, body: '[[', truncated: true }));
  await assert.rejects(collectedTraces(endless.agent), { code: 'invalid' });
});

test('another program on that port is named', async () => {
  for (const answer of [
    { status: 404, body: '' },
    { status: 200, body: '<html>' },
    { status: 200, body: '{}' },
  ])
    await assert.rejects(collectedTraces(answering(() => answer).agent), {
      code: 'invalid',
      message: /port 9411 of your sandbox answers/,
    });
});

test('who asks while a question is under way gets its answer; afterwards the collector is asked anew', async () => {
  const released = Promise.withResolvers<void>();
  const { agent, urls } = answering(async () => {
    await released.promise;
    return { status: 200, body: '[]' };
  });
  const two = [collectedTraces(agent), collectedTraces(agent)];
  released.resolve();
  assert.deepEqual(await Promise.all(two), [{ traces: [] }, { traces: [] }]);
  assert.equal(urls.length, 1);
  await collectedTraces(agent);
  assert.equal(urls.length, 2);
});

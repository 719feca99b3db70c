import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentError } from '../agent/errors.ts';
import type { Agent } from '../checks/agent.ts';
import { explainRequest } from './explanations.ts';

/** An agent in whose network every URL is answered so. */
function answering(answer: () => { status: number; body: string }): { agent: Agent; urls: string[] } {
  const urls: string[] = [];
  const call = async (_method: string, { url }: { url: string }) => {
    urls.push(url);
    return { headers: [], durationMs: 1, truncated: false, ...answer() };
  };
  return { agent: { call: call as unknown as Agent['call'] }, urls };
}
const telling = (body: unknown) => answering(() => ({ status: 200, body: JSON.stringify(body) }));

test('the proxy is asked for one request; lines, resources and neither are told', async () => {
  const origin = { file: 'proxy.yaml', line: 21, column: 5, text: 'retry_on: 5xx', path: 'a.b[0]' };
  const resource = { type: 'envoy.config.route.v3.RouteConfiguration', name: 'local', version: '7' };
  const { agent, urls } = telling({
    explanations: [
      {
        decisions: [
          { by: 'retry', name: '1', why: 'it failed', origin },
          { by: 'route', name: 'r', why: 'it fits', origin: { resource, path: 'virtual_hosts[0]' } },
          { by: 'cluster', name: 'c', why: 'it is not there' },
        ],
      },
    ],
  });
  const { problem, decisions } = await explainRequest(agent, '127.0.0.1:9901', 'a/b?c');
  assert.deepEqual(urls, ['http://127.0.0.1:9901/explain?format=json&id=a%2Fb%3Fc']);
  assert.equal(problem, '');
  const position = { file: 'proxy.yaml', line: 21, text: 'retry_on: 5xx' };
  assert.deepEqual(decisions, [
    { by: 'retry', name: '1', why: 'it failed', position, resource: '', path: 'a.b[0]' },
    {
      ...{ by: 'route', name: 'r', why: 'it fits', position: null },
      ...{ resource: 'RouteConfiguration local version 7', path: 'virtual_hosts[0]' },
    },
    { by: 'cluster', name: 'c', why: 'it is not there', position: null, resource: '', path: '' },
  ]);
});

test('what answers is not trusted: texts are cut, and nothing else passes', async () => {
  const wild = { by: 5, name: 'x'.repeat(10_000), origin: { file: {}, line: 'one', path: null }, more: 1 };
  const { decisions } = await explainRequest(
    telling({ explanations: [{ decisions: [wild, null] }] }).agent,
    'a:1',
    'r',
  );
  const nothing = { by: '', name: '', why: '', position: null, resource: '', path: '' };
  assert.deepEqual(decisions, [{ ...nothing, name: 'x'.repeat(300) }, nothing]);
});

test('a request that nobody knows any more is not found', async () => {
  const answers = [
    answering(() => ({ status: 404, body: 'no request' })),
    answering(() => ({ status: 200, body: 'no JSON' })),
    telling({ explanations: [] }),
    answering(() => {
      throw new AgentError('refused', 'ECONNREFUSED');
    }),
  ];
  for (const { agent } of answers) await assert.rejects(explainRequest(agent, 'a:1', 'r'), { code: 'not-found' });
});

test('only the place of a proxy can be named, no other address', async () => {
  const { agent, urls } = telling({});
  for (const at of ['a:1/x', 'u@a:1', 'a', 'a:1#', 'a b:1', '[::1]'])
    await assert.rejects(explainRequest(agent, at, 'r'), { code: 'invalid' });
  assert.deepEqual(urls, []);
});

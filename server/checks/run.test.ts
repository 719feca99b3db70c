import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Methods, ReplayResult } from '../../images/agent/protocol/messages.ts';
import type { Check, ReplayCheck } from '../labs/content.ts';
import { check, exercise, world } from './fake-world.ts';
import { isProgram } from './observation.ts';
import { judgeAnswer, rightAnswer, runChecks } from './run.ts';
import { lastWords } from './verdict.ts';

const base = { id: 'c', title: 'it holds', hint: 'look there' };

describe('process', () => {
  it('knows a program as what node runs, whatever the options of node', () => {
    const named = (...command: string[]) =>
      isProgram({ pid: 1, parent: 0, user: 1000, command, startedMs: 0 }, 'proxy');
    assert.ok(named('/o/node', '/o/proxy.cjs', '-c', 'proxy.yaml'));
    assert.ok(named('/o/node', '--max-old-space-size=64', '--a', '--b', '--c', '/o/proxy.cjs', '-c', 'x'));
    assert.ok(named('proxy', '-c', 'x'));
    assert.ok(!named('cat', 'proxy'));
    assert.ok(!named('/o/node', '/o/httpbin.cjs', 'proxy'));
  });
  it('wants the program, and its port', async () => {
    const one: Check = { ...base, type: 'process', program: 'proxy', port: 9901, address: null };
    assert.equal((await check(one, world({}))).state, 'passed');
    const { state, found, hint } = await check({ ...one, port: 15001 }, world({}));
    assert.deepEqual([state, found, hint], ['failed', 'proxy listens on 9901', 'look there']);
    assert.equal((await check(one, world({ proxyRuns: false }))).found, 'no proxy runs');
  });
});

describe('arrivals', () => {
  const one: Check = {
    ...base,
    type: 'arrivals',
    path: '/headers',
    atLeast: 1,
    headers: { 'x-request-id': { present: false } },
  };
  const arrival = (path: string, headers: [string, string][] = []) => ({
    method: 'GET',
    path,
    headers,
    atMs: 0,
    status: 200,
  });
  it('wants a request with such headers', async () => {
    assert.equal((await check(one, world({ arrivals: [arrival('/headers')] }))).state, 'passed');
    const proxied = await check(one, world({ arrivals: [arrival('/headers', [['X-Request-Id', 'abc']])] }));
    assert.match(proxied.found ?? '', /x-request-id: abc/);
    assert.match((await check(one, world({ arrivals: [arrival('/get')] }))).found ?? '', /none for \/headers/);
  });
});

describe('stats', () => {
  const one: Check = {
    ...base,
    type: 'stats',
    admin: 9901,
    stats: [{ name: 'cluster.*.upstream_rq_retry', atLeast: 3, hint: null }],
  };
  it('sums what * stands for, one part of a name', async () => {
    const agent = world({ stats: { 'cluster.a.upstream_rq_retry': 1, 'cluster.b.upstream_rq_retry': 2 } });
    assert.equal((await check(one, agent)).state, 'passed');
    const other = await check(one, world({ stats: { 'cluster.a.b.upstream_rq_retry': 9 } }));
    assert.deepEqual(
      [other.state, other.expected, other.found],
      ['failed', 'cluster.*.upstream_rq_retry at least 3', '0'],
    );
  });
  it('says what to start where nothing runs', async () => {
    const { state, found, hint } = await check(one, world({ proxyRuns: false }));
    assert.deepEqual([state, found], ['failed', 'no proxy runs']);
    assert.match(hint ?? '', /proxy -c/);
  });
});

describe('replay', () => {
  const one: ReplayCheck = {
    ...base,
    type: 'replay',
    configuration: 'running',
    upstreams: {},
    greeters: {},
    files: [],
    requests: [
      {
        url: 'http://proxy:15001/status/500',
        method: 'GET',
        headers: {},
        count: 1,
        expect: { status: 500, arrivals: 4 },
        hint: 'num_retries?',
      },
      {
        url: 'http://proxy:15001/get',
        method: 'GET',
        headers: {},
        count: 1,
        expect: { status: 200, arrivals: 1 },
        hint: null,
      },
    ],
  };
  /** A scratch proxy that tries so often, and answers after so long. */
  const tries =
    (count: number, durationMs = 5) =>
    (params: Methods['replay']['params']): ReplayResult => ({
      responses: params.requests.map(({ url }) => {
        const status = url.endsWith('500') ? 500 : 200;
        return { url, status, headers: [], body: '', durationMs, truncated: false };
      }),
      arrivals: params.requests.flatMap(({ url, headers = {} }) =>
        Array.from({ length: url.endsWith('500') ? count : 1 }, () => ({
          upstream: 'u',
          method: 'GET',
          path: '/',
          headers: Object.entries(headers),
          atMs: 0,
          status: 500,
        })),
      ),
      admin: [],
    });

  it('counts what arrived of each request', async () => {
    assert.equal((await check(one, world({ replay: tries(4) }))).state, 'passed');
    const state = await check(one, world({ replay: tries(3) }));
    assert.deepEqual(
      [state.state, state.expected, state.found, state.hint],
      ['failed', 'GET proxy:15001/status/500: reaches httpbin 4 times', 'reached it 3 times', 'num_retries?'],
    );
  });

  it('replays what runs, and touches nothing else', async () => {
    const agent = world({ replay: tries(4), bootstrap: { node: { id: 'mine' } } });
    await check(one, agent);
    const replayed = agent.asked.find(({ method }) => method === 'replay')?.params as Methods['replay']['params'];
    assert.match(replayed.configuration, /"id":"mine"/);
    const urls = agent.asked.flatMap(({ params }) => (params as { url?: string }).url ?? []);
    assert.ok(urls.every(url => url.startsWith('http://127.0.0.1:9901/')));
  });

  it('sends by TLS what asks for a name or shows a certificate, beside the files that all checks of the copy need', async () => {
    const own: ReplayCheck = {
      ...one,
      configuration: { file: 'gate.yaml' },
      files: [{ path: 'a.crt', content: 'A' }],
      requests: [
        {
          ...{
            url: 'https://proxy:15001/get',
            method: 'GET',
            headers: {},
            count: 1,
            expect: { status: 200 },
            hint: null,
          },
          serverName: 'a.example',
          client: { name: 'till.crt', certificate: 'T', key: 'K' },
        },
      ],
    };
    const other: ReplayCheck = {
      ...own,
      id: 'd',
      files: [...own.files, { path: 'b.crt', content: 'B' }],
      requests: [],
    };
    const agent = world({ replay: tries(1), files: { 'gate.yaml': { content: 'x', modifiedMs: 0 } } });
    await runChecks(exercise(own, other), { agent, learner: 'l', signal: AbortSignal.timeout(5000) });
    const asked = agent.asked.find(({ method }) => method === 'replay')?.params as Methods['replay']['params'];
    assert.deepEqual(asked.files, other.files);
    assert.deepEqual(asked.requests[0]?.tls, { serverName: 'a.example', certificate: 'T', key: 'K' });
  });

  it('judges how requests spread over the upstreams', async () => {
    const third: ReplayCheck = {
      ...one,
      upstreams: { v1: 8001, v2: 8002 },
      requests: [
        {
          url: 'http://p/',
          method: 'GET',
          headers: {},
          count: 100,
          expect: { spread: { v1: 50, v2: 50 } },
          hint: null,
        },
      ],
    };
    const toFirst = (share: number) => (params: Methods['replay']['params']) => ({
      ...tries(1)(params),
      arrivals: Array.from({ length: 100 }, (_, n) => ({
        upstream: `127.0.0.2:${n < share ? 8001 : 8002}`,
        method: 'GET',
        path: '/',
        headers: Object.entries(params.requests[0]?.headers ?? {}),
        atMs: 0,
        status: 200,
      })),
      responses: Array.from({ length: 100 }, () => tries(1)(params).responses[0]!),
    });
    const agent = world({ replay: toFirst(45) });
    assert.equal((await check(third, agent)).state, 'passed');
    const asked = agent.asked.find(({ method }) => method === 'replay')?.params as Methods['replay']['params'];
    assert.deepEqual(
      asked.upstreams,
      [8001, 8002].map(port => ({ address: '127.0.0.2', port })),
    );
    const state = await check(third, world({ replay: toFirst(80) }));
    assert.deepEqual([state.state, state.found], ['failed', 'v1 80, v2 20 of 100']);
  });

  it('holds answers against a window of time', async () => {
    const slow: ReplayCheck = {
      ...one,
      requests: [
        {
          url: 'http://p/500',
          method: 'GET',
          headers: {},
          count: 1,
          expect: { status: 500, seconds: [0.9, 1.5] },
          hint: null,
        },
      ],
    };
    assert.equal((await check(slow, world({ replay: tries(1, 999) }))).state, 'passed');
    const late = await check(slow, world({ replay: tries(1, 3010) }));
    assert.deepEqual([late.expected, late.found], ['GET p/500: 500 after 0.9 to 1.5 s', '500 after 3.01 s']);
  });

  it('sends the load of a request with it, and says so', async () => {
    const load = { url: 'http://p/delay/1', count: 2 };
    const full: ReplayCheck = {
      ...one,
      requests: [
        { url: 'http://p/500', method: 'GET', headers: {}, count: 1, load, expect: { status: 503 }, hint: null },
      ],
    };
    const agent = world({ replay: tries(1) });
    const state = await check(full, agent);
    assert.equal(state.expected, 'GET p/500, while 2 calls of p/delay/1 are under way: 503');
    const replayed = agent.asked.find(({ method }) => method === 'replay')?.params as Methods['replay']['params'];
    assert.deepEqual(replayed.requests[0]?.load, load);
  });

  it('tells that the file was changed after the start', async () => {
    const files = { 'proxy.yaml': { content: '', modifiedMs: 2000 } };
    assert.match((await check(one, world({ replay: tries(1), files }))).hint ?? '', /restart it/);
    files['proxy.yaml'].modifiedMs = 500;
    assert.equal((await check(one, world({ replay: tries(1), files }))).hint, 'num_retries?');
  });

  it('runs the replays of one configuration in one scratch proxy', async () => {
    const agent = world({ replay: tries(4) });
    const context = { agent, learner: 'l', signal: AbortSignal.timeout(5000) };
    const states = await runChecks(exercise(one, { ...one, id: 'd' }), context);
    assert.deepEqual(
      states.map(state => state.state),
      ['passed', 'passed'],
    );
    assert.equal(agent.asked.filter(({ method }) => method === 'replay').length, 1);
  });

  it('runs a rate limit service and further proxies with the copy, and keeps copies apart by them', async () => {
    const files = { 'rates.yaml': { content: 'domain: a', modifiedMs: 0 } };
    const agent = world({ replay: tries(4), files, bootstrap: { node: { id: 'mine' } } });
    const context = { agent, learner: 'l', signal: AbortSignal.timeout(5000) };
    const limited: ReplayCheck = { ...one, id: 'd', limits: 'rates.yaml' };
    const both: ReplayCheck = { ...limited, id: 'e', beside: [{ admin: 9901 }] };
    const states = await runChecks(exercise(one, limited, both), context);
    assert.ok(states.every(({ state }) => state === 'passed'));
    const asked = agent.asked.flatMap(({ method, params }) =>
      method === 'replay' ? [params as Methods['replay']['params']] : [],
    );
    assert.deepEqual(
      asked.map(({ limits, beside }) => [limits, beside?.map(text => /"id":"mine"/.test(text))]),
      [
        [undefined, undefined],
        ['domain: a', undefined],
        ['domain: a', [true]],
      ],
    );
  });

  it("gives the rate limit service's own words where it refuses its file", async () => {
    const files = { 'rates.yaml': { content: '', modifiedMs: 0 } };
    const failure =
      'rate-limit: /run/replay/limits.yaml:1:1: domain is missing\nthe rate limit service ended with 2\nx\n';
    const refuses = () => ({ failure, responses: [], arrivals: [], admin: [] });
    const state = await check({ ...one, limits: 'rates.yaml' }, world({ replay: refuses, files }));
    assert.deepEqual(
      [state.state, state.expected, state.found],
      ['failed', 'the rate limit service starts with rates.yaml', 'rates.yaml:1:1: domain is missing'],
    );
  });

  it('is unknown, with the reason, where the agent fails', async () => {
    const state = await check(one, world({}));
    assert.deepEqual([state.state, state.hint], ['unknown', 'The check could not run: replay was not expected']);
  });
});

describe('files and configurations', () => {
  const files = {
    'a.yaml': { content: 'a:\n  - b: 1', modifiedMs: 0 },
    'bad.yaml': { content: 'a: [', modifiedMs: 0 },
  };
  const at = (file: string, path = 'a[0].b'): Check => ({
    ...base,
    type: 'config',
    configuration: { file },
    values: [{ at: path, expect: '1', hint: null }],
  });
  it('reads values by path', async () => {
    assert.equal((await check(at('a.yaml'), world({ files }))).state, 'passed');
    assert.equal((await check(at('a.yaml', 'a[1].b'), world({ files }))).found, 'no a[1].b');
    assert.equal((await check(at('none.yaml'), world({ files }))).found, 'there is no such file');
    assert.equal((await check(at('bad.yaml'), world({ files }))).expected, 'a file of YAML');
  });
  it("gives the proxy's own words where it refuses a file", async () => {
    const line =
      "[2026][7][critical][main] error initializing configuration '': --config-yaml:5: admin.adress: no such field";
    const execute = { exitStatus: 1, standardOutput: '', standardError: `${line}\n`, truncated: false };
    const state = await check({ ...base, type: 'validate', file: 'a.yaml' }, world({ files, execute }));
    assert.deepEqual([state.state, state.found], ['failed', 'a.yaml:5: admin.adress: no such field']);
    assert.equal(lastWords('x\n/run/replay/proxy.yaml:3: no\nthe proxy ended with 1\n', 'a.yaml'), 'a.yaml:3: no');
  });
});

describe('questions', () => {
  const question: Check = {
    ...base,
    type: 'answer',
    label: '?',
    from: { stat: 'cluster.*.upstream_rq_418' },
    rightHtml: 'yes',
    wrongHtml: 'no',
  };
  const agent = world({ stats: { 'cluster.httpbin.upstream_rq_418': 1234 } });
  const context = { agent, learner: 'l', signal: AbortSignal.timeout(5000) };
  it('asks the sandbox for what is right', async () => {
    assert.equal(await rightAnswer(exercise(question), context), '1234');
    assert.deepEqual(await judgeAnswer(exercise(question), ' 1,234 ', context), {
      right: true,
      explanationHtml: 'yes',
    });
    for (const wrong of ['1233', '', '0', 'x', 'NaN'])
      assert.equal((await judgeAnswer(exercise(question), wrong, context)).right, false, wrong);
  });
  it('takes 0 for no answer: nothing was sent yet', async () => {
    const idle = { ...context, agent: world({ stats: { 'cluster.httpbin.upstream_rq_418': 0 } }) };
    assert.equal((await judgeAnswer(exercise(question), '0', idle)).right, false);
    const none = { ...context, agent: world({ proxyRuns: false }) };
    assert.deepEqual(await judgeAnswer(exercise(question), '5', none), { right: false, explanationHtml: 'no' });
  });
  it('is unknown until something was answered', async () => {
    assert.equal((await check(question, agent)).state, 'unknown');
    assert.equal((await check(question, agent, '1234')).state, 'passed');
    assert.equal((await check(question, agent, '1')).state, 'failed');
  });
});

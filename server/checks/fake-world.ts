/** For tests: a learner's world with a proxy, and checks that look at it. */
import type { Methods, ReplayResult } from '../../images/agent/protocol/messages.ts';
import type { Check, Exercise } from '../labs/content.ts';
import { FakeAgent, FakeFailure } from './fake-agent.ts';
import { runChecks } from './run.ts';

type World = {
  stats?: Record<string, number>;
  bootstrap?: object;
  arrivals?: object[];
  files?: Record<string, { content: string; modifiedMs: number }>;
  proxyRuns?: boolean;
  replay?: (params: Methods['replay']['params']) => ReplayResult;
  execute?: Methods['execute']['result'];
};

export const json = (value: unknown) => ({
  status: 200,
  headers: [],
  body: JSON.stringify(value),
  durationMs: 1,
  truncated: false,
});

/** A learner's world in which the proxy (pid 7, started at 1000 ms) and httpbin run. */
export function world({
  stats = {},
  bootstrap = {},
  arrivals = [],
  files = {},
  proxyRuns = true,
  replay,
  execute,
}: World) {
  const proxy = {
    pid: 7,
    parent: 1,
    user: 1000,
    command: ['node', '/o/proxy.cjs', '-c', 'proxy.yaml'],
    startedMs: 1000,
  };
  return new FakeAgent({
    'process.list': () => ({ processes: proxyRuns ? [proxy] : [] }),
    'port.list': () => ({ ports: proxyRuns ? [{ address: '127.0.0.1', port: 9901, pid: 7 }] : [] }),
    'http.request': ({ url }) => {
      if (url.endsWith('/_arrivals')) return json({ arrivals });
      if (url.includes('/stats')) {
        return json({
          stats: [...Object.entries(stats).map(([name, value]) => ({ name, value })), { histograms: {} }],
        });
      }
      return json({ configs: [{ '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap }] });
    },
    'file.read': ({ path }) => {
      const file = files[path];
      if (!file) throw new FakeFailure('not-found', `no ${path}`);
      return file;
    },
    ...(replay ? { replay } : {}),
    ...(execute ? { execute: () => execute } : {}),
  });
}

export const exercise = (...checks: Check[]): Exercise => ({
  id: 'x',
  title: 'x',
  lesson: '1.1',
  minutes: 1,
  core: true,
  taskHtml: '',
  checks,
  hintsHtml: [],
  solution: { html: '', steps: [] },
  nearMisses: [],
  alternatives: [],
});

export async function check(one: Check, agent: FakeAgent, answer: string | null = null) {
  const context = { agent, learner: 'l', signal: AbortSignal.timeout(5000), answer };
  const [state] = await runChecks(exercise(one), context);
  return state!;
}

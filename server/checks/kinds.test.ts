import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProcessCheck, StatsCheck } from '../labs/content.ts';
import { FakeAgent } from './fake-agent.ts';
import { checkProcess, checkStats } from './kinds.ts';
import { Observation } from './observation.ts';
import { CannotObserve } from './verdict.ts';

const base = { id: 'c', title: 'it holds', hint: null };

/** A world in which a proxy has its admin interface on port 9901, at 127.0.0.1. */
function seen(): Observation {
  const proxy = { pid: 7, parent: 1, user: 1000, command: ['proxy', '-c', 'proxy.yaml'], startedMs: 0 };
  const agent = new FakeAgent({
    'process.list': () => ({ processes: [proxy] }),
    'port.list': () => ({ ports: [{ address: '127.0.0.1', port: 9901, pid: 7 }] }),
  });
  return new Observation(agent, AbortSignal.timeout(5000));
}

describe('where several proxies run', () => {
  it('a program may have to listen at one address, and nowhere else', async () => {
    const one: ProcessCheck = { ...base, type: 'process', program: 'proxy', port: 9901, address: '127.0.0.1' };
    assert.ok((await checkProcess(one, seen())).passed);
    assert.deepEqual(await checkProcess({ ...one, address: '127.0.0.12' }, seen()), {
      passed: false,
      expected: 'proxy listens on 127.0.0.12:9901 alone',
      found: 'it listens on 127.0.0.1:9901',
    });
  });

  it('statistics are read at the admin interface of the one in question', async () => {
    const one: StatsCheck = { ...base, type: 'stats', admin: 9902, stats: [{ name: 'a', atLeast: 1, hint: null }] };
    await assert.rejects(checkStats(one, seen()), (error: CannotObserve) => {
      assert.ok(error instanceof CannotObserve);
      assert.equal(error.found, 'the proxy runs, and nothing listens on port 9902');
      assert.match(error.hint ?? '', /port_value 9902/);
      return true;
    });
  });
});

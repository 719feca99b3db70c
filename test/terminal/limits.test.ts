/** A learner who meets the sandbox's limits is told so, and can go on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { AgentEvent } from '../../images/agent/protocol/messages.ts';
import type { AgentClient } from '../../server/agent/client.ts';
import { LocalProvider } from '../../server/providers/local/provider.ts';
import { makeSandbox, type TestSandbox, whyNoSandbox } from './sandbox.ts';

type Limit = Extract<AgentEvent, { type: 'limit' }>;

const skip = (await whyNoSandbox()) ?? false;
const limits = { memoryBytes: 192 << 20, processes: 120, diskBytes: 16 << 20 };

/** A sandbox with a terminal at its prompt; `next` resolves with the next limit of a kind that is told. */
async function place(context: TestContext) {
  const sandbox = await makeSandbox(60, limits);
  context.after(() => sandbox.end());
  const agent = await sandbox.connect();
  const told: Limit[] = [];
  const waiting = new Set<() => void>();
  agent.onEvent(event => {
    if (event.type !== 'limit') return;
    told.push(event);
    for (const wake of waiting) wake();
  });
  const next = async (resource: Limit['resource']): Promise<Limit> => {
    const from = told.length;
    for (;;) {
      const found = told.slice(from).find(limit => limit.resource === resource);
      if (found) return found;
      await new Promise<void>(resolve => waiting.add(resolve));
    }
  };
  assert.equal(await run(agent, 'true'), 0);
  return { sandbox, agent, told, next };
}

/** Types a command; with `prompt`, its exit status when the shell is back. */
async function run(agent: AgentClient, command: string, wait: 'prompt' | 'typed' = 'prompt'): Promise<number | null> {
  const times = { promptTimeoutMs: 20_000, timeoutMs: 30_000 };
  return (await agent.call('terminal.run', { terminal: 'learner', command, wait, ...times })).exitStatus;
}

/** Skips where no control groups can be made: there, nobody counts. */
async function needsGroups(context: TestContext, { data }: TestSandbox): Promise<boolean> {
  const { findings } = await new LocalProvider({ data }).probe();
  const limited = findings.find(({ subject }) => subject === 'limits');
  if (limited?.state !== 'works') context.skip(limited?.detail ?? 'no limits here');
  return limited?.state === 'works';
}

test('memory: what takes too much is ended, the learner is told, and the shell is still there', {
  skip,
  timeout: 90_000,
}, async context => {
  const { sandbox, agent, next } = await place(context);
  if (!(await needsGroups(context, sandbox))) return;
  const limit = next('memory');
  const hog = 'node -e "const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1))"';
  assert.notEqual(await run(agent, hog), 0);
  assert.match((await limit).message, /took more memory than the sandbox has, and was ended/);
  assert.equal(await run(agent, 'echo still > here.txt'), 0);
});

test('memory: where the first process of the world is ended too, the world is made anew with the files as they were', {
  skip,
  timeout: 90_000,
}, async context => {
  const { sandbox, agent, next } = await place(context);
  assert.equal(await run(agent, 'echo kept > kept.txt'), 0);
  const first = worldPid(sandbox.sandbox.id);
  if (first === undefined) return context.skip('the world of this user cannot be told by its control group');
  const limit = next('memory');
  process.kill(first, 'SIGKILL');
  assert.match((await limit).message, /It was started again; files are as they were/);
  assert.equal(await run(agent, 'test "$(cat kept.txt)" = kept'), 0);
});

test('processes: a fork bomb is told of once, and a reset ends it', { skip, timeout: 120_000 }, async context => {
  const { sandbox, agent, told, next } = await place(context);
  if (!(await needsGroups(context, sandbox))) return;
  const limit = next('processes');
  await run(agent, 'bomb() { bomb | bomb & }; bomb 2> /dev/null', 'typed');
  assert.match((await limit).message, /No more processes can be started/);
  await agent.call('reset', { files: [] });
  assert.equal(await run(agent, 'echo free'), 0);
  assert.equal(told.filter(({ resource }) => resource === 'processes').length, 1);
});

test('disk: a full home is told of, and again when it is full again', { skip, timeout: 90_000 }, async context => {
  const { agent, told, next } = await place(context);
  for (const round of [1, 2]) {
    const limit = next('disk');
    assert.notEqual(await run(agent, 'head -c 32M /dev/zero > full'), 0);
    assert.match((await limit).message, /home is full: remove files/);
    assert.equal(await run(agent, 'rm full'), 0);
    assert.equal(told.length, round);
    await roomSeen(agent);
  }
});

/** Resolves when the agent has looked once more: it tells of a process that came, in the same look as at the disk. */
async function roomSeen(agent: AgentClient): Promise<void> {
  const changed = new Promise<void>(resolve => {
    const stop = agent.onEvent(event => {
      if (event.type !== 'changed' || event.subject !== 'processes') return;
      stop();
      resolve();
    });
  });
  await run(agent, 'sleep 5 & disown', 'prompt');
  await changed;
}

/** The first process of a sandbox's world, as the machine counts; undefined where it is not to be seen. */
function worldPid(id: string): number | undefined {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids.map(Number).find(pid => {
    try {
      const inWorld = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`${id}/world`);
      return inWorld && /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  });
}

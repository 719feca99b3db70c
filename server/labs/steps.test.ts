import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { it } from 'node:test';
import { FakeAgent, FakeFailure } from '../checks/fake-agent.ts';
import type { Step } from './content.ts';
import { openLesson, type Progress, prepareStart, runSteps, StepError } from './steps.ts';
import { loadWorkshop } from './workshop.ts';

const workshop = await loadWorkshop(resolve(import.meta.dirname, '../../labs'));
const signal = AbortSignal.timeout(10_000);

/** A home in memory and terminals that do what they are told. */
function sandbox(files: Record<string, string> = {}, exitStatus = 0) {
  const commands: string[] = [];
  const agent = new FakeAgent({
    'file.read': ({ path }) => {
      if (files[path] === undefined) throw new FakeFailure('not-found', path);
      return { content: files[path], modifiedMs: 0 };
    },
    'file.write': ({ path, content }) => {
      files[path] = content;
      return { modifiedMs: 0 };
    },
    'terminal.list': () => ({ terminals: [] }),
    'terminal.run': ({ terminal, command }) => {
      commands.push(`${terminal}$ ${command}`);
      return { exitStatus };
    },
    'port.list': () => ({ ports: [8000, 15001].map(port => ({ address: '0.0.0.0', port, pid: 1 })) }),
    reset: ({ files: named }) => {
      for (const path of named) delete files[path];
      return { kept: named.map(from => ({ from, to: `kept/${from}` })) };
    },
  });
  return { agent, files, commands };
}

it('reaches a starting state by the solutions that it names, and keeps what it overwrites', async () => {
  const { agent, files, commands } = sandbox({ 'proxy.yaml': 'mine', 'other.txt': 'mine' });
  const seen: Progress[] = [];
  const kept = await prepareStart(workshop, '2.4', agent, steps => seen.push(steps), signal);
  assert.deepEqual(kept, [{ from: 'proxy.yaml', to: 'kept/proxy.yaml' }]);
  assert.match(files['proxy.yaml'] ?? '', /cluster: httpbin/);
  assert.equal(files['other.txt'], 'mine');
  assert.deepEqual(commands, [
    'httpbin$ httpbin',
    'learner$ curl -s httpbin:8000/headers',
    'proxy$ proxy -c proxy.yaml',
    'learner$ curl -s proxy:15001/headers',
  ]);
  assert.ok(seen.at(-1)?.every(step => step.done));
  assert.equal(
    seen[0]?.every(step => !step.done),
    true,
  );
});

it('goes on to where an exercise of the lesson starts', async () => {
  const { agent, files } = sandbox();
  await prepareStart(workshop, '2.4', agent, () => {}, signal, 'who-gave-up');
  assert.match(files['proxy.yaml'] ?? '', /timeout: 1s/);
});

it("gives a lesson's files where they are missing, and leaves what is there", async () => {
  const { agent, files } = sandbox();
  const lesson = workshop.lessons.get('2.2')!;
  await openLesson(lesson, agent, signal);
  assert.match(files['broken.yaml'] ?? '', /adress/);
  files['broken.yaml'] = 'changed';
  await openLesson(lesson, agent, signal);
  assert.equal(files['broken.yaml'], 'changed');
});

it("copies a learner's file that a solution overwrites, and says where to", async () => {
  const { agent, files } = sandbox({ 'a.yaml': 'mine' });
  let last: Progress = [];
  await runSteps(
    [{ kind: 'write', path: 'a.yaml', content: 'new' }],
    agent,
    steps => {
      last = steps;
    },
    signal,
  );
  assert.equal(files['a.yaml'], 'new');
  const copy = Object.keys(files).find(path => path.startsWith('kept/'));
  assert.equal(files[copy ?? ''], 'mine');
  assert.match(last[0]?.title ?? '', /yours is kept as kept\//);
});

it('stops at a step that fails, by name', async () => {
  const run = (steps: Step[], box: ReturnType<typeof sandbox>) => runSteps(steps, box.agent, () => {}, signal);
  const command: Step = { kind: 'run', command: 'false', terminal: 'learner', anyExit: false };
  await assert.rejects(run([command], sandbox({}, 1)), new StepError('Run false', 'exit status 1'));
  await run([{ ...command, anyExit: true }], sandbox({}, 1));
  const edit: Step = { kind: 'edit', path: 'a', replace: 'x', by: 'y' };
  await assert.rejects(run([edit], sandbox({ a: 'x x' })), /"x" occurs 2 times/);
});

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { it } from 'node:test';
import { FakeAgent, FakeFailure } from '../checks/fake-agent.ts';
import type { Step } from './content.ts';
import { missingAtStart, openLesson, type Progress, prepareStart, runSteps, StepError, titleOf } from './steps.ts';
import { loadWorkshop } from './workshop.ts';

const workshop = await loadWorkshop(resolve(import.meta.dirname, '../../labs'));
const signal = AbortSignal.timeout(10_000);

/** Commands by the port that they listen on. */
type Listening = Record<number, string>;
const httpbinRuns: Listening = { 8000: '/o/httpbin.cjs' };
const usual: Listening = { ...httpbinRuns, 15001: '/o/proxy.cjs -c proxy.yaml' };

/** A home in memory and terminals that do what they are told. */
function sandbox(files: Record<string, string> = {}, exitStatus = 0, listening: Listening = usual) {
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
    'port.list': () => ({
      ports: Object.keys(listening).map(port => ({ address: '0.0.0.0', port: Number(port), pid: Number(port) })),
    }),
    'process.list': () => ({
      processes: Object.entries(listening).map(([port, command]) => ({
        ...{ pid: Number(port), parent: 1, user: 1000, startedMs: 0 },
        command: ['node', ...command.split(' ')],
      })),
    }),
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

it('does not wait for the port of a command that ended', async () => {
  const { agent } = sandbox();
  const status = { terminal: 'v1', columns: 80, rows: 24, atPrompt: true, exitStatus: 127, offset: 0 };
  const ended = new FakeAgent({
    'terminal.list': () => ({ terminals: [status] }),
    'terminal.run': () => ({ exitStatus: null }),
    'port.list': () => ({ ports: [] }),
    'terminal.text': () => ({ text: 'httpbinn: command not found\n' }),
  });
  const step: Step = { kind: 'serve', terminal: 'v1', command: 'httpbinn', port: 8001 };
  await assert.rejects(
    runSteps([step], ended, () => {}, signal),
    {
      message:
        'Start httpbinn in the terminal v1: it ended with status 127, and port 8001 does not listen. httpbinn: command not found',
    },
  );
  await runSteps([{ ...step, command: 'httpbin', port: 8000 }], agent, () => {}, signal);
});

it('goes on to where an exercise of the lesson starts', async () => {
  const { agent, files } = sandbox();
  await prepareStart(workshop, '2.4', agent, () => {}, signal, 'who-gave-up');
  assert.match(files['proxy.yaml'] ?? '', /timeout: 1s/);
});

/** What is missing where an exercise starts, in words. */
async function missing(exercise: string, box: ReturnType<typeof sandbox>): Promise<string[]> {
  const steps = await missingAtStart(workshop, workshop.exercises.get(exercise)!, box.agent, signal);
  return steps?.map(titleOf) ?? ['all of it'];
}
const httpbin = 'Start httpbin in the terminal httpbin';
const proxy = 'Start proxy -c proxy.yaml in the terminal proxy';

it('knows what is missing where an exercise starts, for who jumped to it', async () => {
  // its own solution writes the file, and starts the proxy
  assert.deepEqual(await missing('first-route', sandbox({}, 0, {})), [httpbin]);
  assert.deepEqual(await missing('who-gave-up', sandbox({}, 0, {})), ['Write proxy.yaml', httpbin, proxy]);
  // what earlier exercises of the lesson change is in the file
  const steps = await missingAtStart(workshop, workshop.exercises.get('who-gave-up')!, sandbox().agent, signal);
  const write = steps?.find(step => step.kind === 'write');
  assert.match(write?.content ?? '', /timeout: 1s/);
});

it('leaves alone what is there where an exercise starts: files, and programs at those ports', async () => {
  assert.deepEqual(await missing('who-gave-up', sandbox({ 'proxy.yaml': 'mine' })), []);
  assert.deepEqual(await missing('who-gave-up', sandbox({ 'proxy.yaml': 'mine' }, 0, httpbinRuns)), [proxy]);
  assert.deepEqual(await missing('httpbin-answers', sandbox({}, 0, {})), []);
});

it('does not go on from where programs of another lesson are in the way', async () => {
  const running = (proxyCommand: string) =>
    sandbox({ 'proxy.yaml': 'mine' }, 0, { ...httpbinRuns, 15001: `/o/${proxyCommand}` });
  assert.deepEqual(await missing('who-gave-up', running('proxy.cjs -l debug -c proxy.yaml')), []);
  assert.deepEqual(await missing('who-gave-up', running('proxy.cjs -c other.yaml')), ['all of it']);
  assert.deepEqual(await missing('who-gave-up', running('other.cjs -c proxy.yaml')), ['all of it']);
  // its solution starts httpbin where nothing ran
  assert.deepEqual(await missing('httpbin-answers', sandbox({}, 0, { 8000: '/o/httpbin.cjs --name a' })), []);
  assert.deepEqual(await missing('httpbin-answers', sandbox({}, 0, { 8000: '/o/traces.cjs' })), ['all of it']);
  // its solution starts the service anew, with more arguments than it has now; one of another lesson is in the way of that
  const services = (preference: string) => ({ 8002: `/o/httpbin.cjs --port 8002 --name ${preference}` });
  const before = services('preference --next http://proxy:15003/chain');
  assert.deepEqual(await missing('one-trace', sandbox({ 'chain.yaml': 'mine' }, 0, before)), []);
  assert.deepEqual(await missing('one-trace', sandbox({ 'chain.yaml': 'mine' }, 0, services('b'))), ['all of it']);
});

it('does not go on from a file as it was given, which earlier exercises change', async () => {
  const [given] = workshop.lessons.get('2.13')!.givenFiles;
  const solved = workshop.exercises.get('three-versions')!.solution.steps.find(step => step.kind === 'write');
  const all = (content: string) => missing('all-to-v3', sandbox({ [given!.path]: content }, 0, {}));
  assert.deepEqual(await all(given!.content), ['all of it']);
  for (const content of [solved!.content, 'mine']) assert.equal((await all(content)).length, 4);
});

it('keeps aside what a learner wrote, not what the workshop gave', async () => {
  const [given] = workshop.lessons.get('2.19')!.givenFiles;
  const prepare = (content: string) => {
    const box = sandbox({ 'chain.yaml': content }, 0, { ...usual, 9411: '', 8001: '', 8002: '', 8003: '' });
    return prepareStart(workshop, '2.19', box.agent, () => {}, signal, 'who-broke-it');
  };
  assert.deepEqual(await prepare(given!.content), []);
  assert.deepEqual(await prepare('mine'), [{ from: 'chain.yaml', to: 'kept/chain.yaml' }]);
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

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { FileContent, LessonPage, SandboxState, SlideDeck, WorkshopOutline } from '../../server/api.ts';
import { ProviderError } from '../../server/providers/provider.ts';
import { atEnd } from './at-end.ts';
import { assertRefused, instructor, joined, ready, startServer, stateOf } from './harness.ts';

test('the workshop is there for learners and instructors', async context => {
  const server = await startServer(context);
  for (const browser of [await joined(server, 'Ada'), await instructor(server)]) {
    const { body } = await browser.get<WorkshopOutline>('/api/workshop');
    const lessons = body.modules.flatMap(module => module.lessons);
    assert.ok(lessons.some(({ id }) => id === '2.1'));
    assert.equal((await browser.get<LessonPage>('/api/lessons/2.1')).body.id, '2.1');
    const deck = await browser.get<SlideDeck>('/api/slides');
    assert.ok(deck.body.slides.length > 10);
    assert.equal(deck.headers.get('content-encoding'), 'gzip');
    assert.equal(deck.headers.get('cache-control'), 'no-store');
  }
});

test('a sandbox starts with named steps, ends, and starts again with the same home', async context => {
  const server = await startServer(context);
  const ada = await ready(context, server, 'Ada');
  const phases = ada.events.seen.flatMap(event => (event.type === 'sandbox' ? [event.sandbox.phase] : []));
  assert.deepEqual([...new Set(phases)], ['starting', 'ready']);
  const teacher = await instructor(server);
  await teacher.post(`/api/instructor/learners/${ada.id}/end`);
  await ada.events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ended');
  assert.equal(server.provider.living().length, 0);
  ada.events.forget();
  await ada.browser.post('/api/sandbox/start');
  await ada.events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  assert.deepEqual(
    server.provider.living().map(({ home }) => home),
    [ada.id],
  );
});

test('who comes after the last place waits in a queue, and moves up', async context => {
  const server = await startServer(context, { maximumSandboxes: 1 });
  const ada = await ready(context, server, 'Ada');
  const bob = await joined(server, 'Bob');
  const events = await bob.events(context);
  await bob.post('/api/sandbox/start');
  const { sandbox } = await events.until('sandbox', event => event.sandbox.phase === 'queued');
  assert.deepEqual(sandbox, { phase: 'queued', place: 1 });
  await (await instructor(server)).post(`/api/instructor/learners/${ada.id}/end`);
  await events.until('sandbox', event => event.sandbox.phase === 'ready');
});

test('a sandbox that does not go when it is ended is counted and keeps its place; its learner gets another', async context => {
  const server = await startServer(context, { maximumSandboxes: 2 });
  const { browser, events, sandbox, id } = await ready(context, server, 'Ada');
  sandbox.end = async () => {
    throw new Error('its node does not answer');
  };
  const teacher = await instructor(server);
  await teacher.post(`/api/instructor/learners/${id}/end`);
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ended');
  events.forget();
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready');
  assert.match(await (await fetch(`${server.origin}/metrics`)).text(), /^unicorn_hanging_sandboxes 1$/m);
  const bob = await joined(server, 'Bob');
  const waiting = await bob.events(context);
  await bob.post('/api/sandbox/start');
  await waiting.until('sandbox', ({ sandbox }) => sandbox.phase === 'queued');
});

test('a sandbox that cannot be made says why and what to do, and can be asked for again', async context => {
  const server = await startServer(context);
  const browser = await joined(server, 'Ada');
  const events = await browser.events(context);
  server.provider.failure = new ProviderError('unusable', 'uidmap is not installed', 'sudo apt-get install uidmap');
  await browser.post('/api/sandbox/start');
  const { sandbox } = await events.until('sandbox', event => event.sandbox.phase === 'failed');
  assert.deepEqual(sandbox, {
    phase: 'failed',
    message: 'uidmap is not installed',
    remedy: 'sudo apt-get install uidmap',
  });
  server.provider.failure = null;
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', event => event.sandbox.phase === 'ready');
});

test('a lost agent is reached again; a sandbox that ended by itself is told', async context => {
  const server = await startServer(context);
  const { events, sandbox } = await ready(context, server, 'Ada');
  events.forget();
  sandbox.hangUp();
  await events.until('sandbox', event => event.sandbox.phase === 'reconnecting');
  await events.until('sandbox', event => event.sandbox.phase === 'ready');
  events.forget();
  await sandbox.end();
  const { sandbox: ended } = await events.until('sandbox', event => event.sandbox.phase === 'ended');
  assert.match(ended.phase === 'ended' ? ended.reason : '', /start it again/);
});

test('what is under way while a sandbox starts is shown step by step, and how far a step is in its own place', async context => {
  const server = await startServer(context);
  server.provider.steps = [['Fetching'], ['Fetching', '5 %'], ['Fetching', '95 %'], ['Starting']];
  const browser = await joined(server, 'Ada');
  const events = await browser.events(context);
  await browser.post('/api/sandbox/start');
  const shown = async (last: string) => {
    const isIt = ({ sandbox }: { sandbox: SandboxState }) =>
      sandbox.phase === 'starting' && sandbox.steps.at(-1)?.title === last;
    const { sandbox } = await events.until('sandbox', isIt);
    return sandbox.phase === 'starting' ? sandbox.steps.map(({ title, done }) => `${title}${done ? ' done' : ''}`) : [];
  };
  assert.deepEqual(await shown('Fetching, 95 %'), ['Making room for the sandbox done', 'Fetching, 95 %']);
  assert.deepEqual(await shown('Starting'), ['Making room for the sandbox done', 'Fetching done', 'Starting']);
});

test('a sandbox is waited for while what it runs on is away', async context => {
  const server = await startServer(context);
  const { events, sandbox } = await ready(context, server, 'Ada');
  events.forget();
  sandbox.away = new ProviderError('unreachable', 'no daemon answers');
  sandbox.hangUp();
  await events.until('sandbox', event => event.sandbox.phase === 'reconnecting');
  // more tries than a sandbox gets whose end is sure
  while (sandbox.triesWhileAway < 6) await new Promise(resolve => setTimeout(resolve, 100));
  assert.equal(sandbox.ended, false);
  sandbox.away = null;
  await events.until('sandbox', event => event.sandbox.phase === 'ready');
});

test('why a sandbox ended by itself is told where it is known', async context => {
  const server = await startServer(context);
  const { events, sandbox } = await ready(context, server, 'Ada');
  sandbox.why = 'its memory did not suffice';
  await sandbox.end();
  const { sandbox: ended } = await events.until('sandbox', event => event.sandbox.phase === 'ended');
  const reason = 'The sandbox ended: its memory did not suffice. Your files are kept: start it again.';
  assert.deepEqual(ended, { phase: 'ended', reason });
});

test('an unused sandbox is warned of, then ended', async context => {
  const server = await startServer(context, { idleTimeout: 0.01 });
  const { events, browser } = await ready(context, server, 'Ada');
  const { text } = await events.until('notice');
  assert.match(text, /ends in/);
  assert.equal((await browser.post('/api/sandbox/extend')).status, 204);
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ended');
  assert.equal(server.provider.living().length, 0);
});

test('a check that could not run is tried again by itself', async context => {
  const server = await startServer(context);
  const { browser, events, sandbox } = await ready(context, server, 'Ada');
  const listening = { ports: [{ address: '0.0.0.0', port: 8000, pid: 7 }] };
  const httpbin = { pid: 7, parent: 1, user: 1000, command: ['httpbin'], startedMs: 1 };
  sandbox.answer('process.list', () => ({ processes: [httpbin] }));
  sandbox.answer('port.list', () => {
    sandbox.answer('port.list', () => listening);
    throw new Error('the machine was too busy');
  });
  await browser.post('/api/lessons/2.1/open');
  const { exercise } = await events.until('exercise', ({ exercise: { checks } }) => checks[0]?.hint !== undefined);
  assert.equal(exercise.checks[0]?.state, 'unknown');
  assert.match(exercise.checks[0]?.hint ?? '', /could not run/);
  await events.until('exercise', ({ exercise: { checks } }) => checks[0]?.state === 'passed');
});

test('checks run when something changed, and say what was expected and found', async context => {
  const server = await startServer(context);
  const { browser, events, sandbox } = await ready(context, server, 'Ada');
  await browser.post('/api/lessons/2.1/open');
  const failed = await events.until('exercise', ({ exercise }) => exercise.checks[0]?.state === 'failed');
  assert.ok(failed.exercise.checks[0]?.expected);
  assert.equal(failed.exercise.failures, 0, 'what fails at the beginning is no failure of the learner');
  const [first = ''] = sandbox.calls.filter(call => call === 'port.list' || call === 'process.list').slice(-1);
  assert.notEqual(first, '');
  const before = sandbox.calls.length;
  events.forget();
  sandbox.answer('port.list', () => ({ ports: [{ address: '0.0.0.0', port: 8000, pid: 7 }] }));
  sandbox.answer('process.list', () => ({
    processes: [{ pid: 7, parent: 1, user: 1000, command: ['httpbin'], startedMs: 1 }],
  }));
  sandbox.change();
  await events.until('exercise', ({ exercise }) => exercise.checks[0]?.state === 'passed');
  assert.ok(sandbox.calls.length > before);
  const teacher = await (await instructor(server)).instructorEvents(context);
  const { class: room } = await teacher.until('class');
  assert.equal(room.learners[0]?.lesson, '2.1');
  assert.equal(room.learners[0]?.current, 'httpbin-answers');
  assert.equal(room.learners[0]?.lastCheck?.exercise, 'httpbin-answers');
});

test('a quiz is judged on the server, and the answer stays there', async context => {
  const server = await startServer(context);
  const { browser, events } = await ready(context, server, 'Ada');
  const { body: page, text } = await browser.get<LessonPage>('/api/lessons/2.1');
  const quiz = page.exercises.find(({ question }) => question?.kind === 'quiz');
  assert.ok(quiz?.question?.kind === 'quiz');
  assert.doesNotMatch(text, /"right"/);
  await browser.post('/api/lessons/2.1/open');
  const verdicts = [];
  for (const { id } of quiz.question.options) {
    const { body } = await browser.post<{ right: boolean; explanationHtml: string }>(
      `/api/exercises/${quiz.id}/answer`,
      { value: id },
    );
    assert.ok(body.explanationHtml.length > 0);
    verdicts.push(body.right);
    if (body.right) break;
  }
  assert.equal(verdicts.at(-1), true);
  const { exercise } = await events.until('exercise', event => event.exercise.id === quiz.id && event.exercise.passed);
  assert.equal(exercise.solvedBy, 'learner');
});

test('hints come one by one, then the solution; reset forgets how it went', async context => {
  const server = await startServer(context);
  const { browser, events } = await ready(context, server, 'Ada');
  await browser.post('/api/lessons/2.1/open');
  const exercise = async () => (await stateOf(context, browser)).exercises['httpbin-answers'];
  assert.deepEqual([(await exercise())?.hintsHtml.length, (await exercise())?.solutionHtml], [0, null]);
  await browser.post('/api/exercises/httpbin-answers/hint');
  assert.equal((await exercise())?.hintsHtml.length, 1);
  for (let times = 0; times < 10; times++) await browser.post('/api/exercises/httpbin-answers/hint');
  const { body } = await browser.get<LessonPage>('/api/lessons/2.1');
  assert.equal((await exercise())?.hintsHtml.length, body.exercises[0]?.hints);
  await browser.post('/api/exercises/httpbin-answers/solution');
  assert.ok((await exercise())?.solutionHtml);
  assert.equal((await browser.post('/api/exercises/httpbin-answers/reset')).status, 204);
  await events.until('action', ({ action }) => action?.kind === 'reset');
  await events.until('action', ({ action }) => action === null);
});

test('one thing at a time is done for a learner; what goes wrong is told', async context => {
  const server = await startServer(context);
  const { browser, events, sandbox } = await ready(context, server, 'Ada');
  const held = Promise.withResolvers<{ kept: [] }>();
  sandbox.answer('reset', () => held.promise);
  assert.equal((await browser.post('/api/lessons/2.1/catch-up')).status, 204);
  assertRefused(await browser.post('/api/exercises/httpbin-answers/solve'), 409, 'busy');
  held.resolve({ kept: [] });
  await events.until('action', ({ action }) => action === null);
  assert.ok(sandbox.calls.includes('reset'));
  assert.equal((await stateOf(context, browser)).lesson, '2.1');
  events.forget();
  await browser.post('/api/exercises/httpbin-answers/solve');
  const { action } = await events.until('action', event => event.action?.failure != null);
  assert.match(action?.failure ?? '', /not played here/);
});

test('files: read, write, and nothing newer is written over', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  assertRefused(await browser.get('/api/files?path=proxy.yaml'), 404, 'not-found');
  assertRefused(await browser.get('/api/files'), 400, 'invalid');
  const put = (content: string, modifiedMs: number | null) =>
    browser.send<FileContent>('PUT', '/api/files?path=proxy.yaml', { content, modifiedMs });
  const { body: first } = await put('one', null);
  assert.equal((await browser.get<FileContent>('/api/files?path=proxy.yaml')).body.content, 'one');
  const { body: second } = await put('two', first.modifiedMs);
  assertRefused(await put('three', first.modifiedMs), 409, 'changed');
  assert.equal((await put('three', second.modifiedMs)).status, 200);
  assertRefused(await put('x'.repeat(300_000), null), 413, 'too-large');
});

test('a terminal is relayed both ways', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  const socket = browser.socket('/api/terminals/learner?columns=80&rows=24');
  atEnd(context, () => socket.terminate());
  await once(socket, 'open');
  socket.send(Buffer.from([1, 104, 105]));
  const [message] = await once(socket, 'message');
  assert.deepEqual(Buffer.from(message as Buffer), Buffer.from([1, 104, 105]));
});

test('the instructor sees the class by events, and speaks to it', async context => {
  const server = await startServer(context);
  const teacher = await instructor(server);
  const room = await teacher.instructorEvents(context);
  const { class: empty } = await room.until('class');
  assert.deepEqual(empty.learners, []);
  assert.equal(empty.joinUrl, `${server.origin}/#code=${server.code}`);
  const ada = await joined(server, 'Ada');
  const events = await ada.events(context);
  const { learner } = await room.until('learner', event => event.learner.online);
  assert.equal(learner.name, 'Ada');
  await teacher.post('/api/instructor/message', { text: 'Five minutes to go' });
  assert.equal((await events.until('message')).message.text, 'Five minutes to go');
  const { body } = await teacher.get<SlideDeck>('/api/slides');
  const slide = body.slides[3]?.id ?? '';
  await teacher.post('/api/instructor/follow-slide', { slide });
  assert.equal((await events.until('follow-slide')).slide, slide);
  assert.equal((await stateOf(context, ada)).followSlide, slide);
  events.socket.close();
  await room.until('learner', event => !event.learner.online);
});

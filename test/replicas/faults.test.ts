import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import type { WebSocket } from 'ws';
import { terminalMessage } from '../../images/agent/protocol/terminal.ts';
import { atEnd } from '../api/at-end.ts';
import { assertRefused, Browser, instructor, ready, refusalOf, stateOf, temporaryFolder } from '../api/harness.ts';
import { TestPostgres, whyNoPostgres } from '../fixtures/postgres.ts';
import { whyNoSandbox } from '../terminal/sandbox.ts';
import { provider, type ServerProcess, startProcess, twoServers } from './servers.ts';

let postgres: TestPostgres;
const skip = whyNoPostgres() ?? false;
const skipReal = skip || (provider === 'local' && ((await whyNoSandbox()) ?? false));
before(async () => {
  if (!skip) postgres = await TestPostgres.make();
});
after(() => postgres?.remove());

/** A page's terminal as the browser keeps it: comes back at whichever server it is told, from where it was. */
class Screen {
  text = '';
  #offset = 0;
  #socket: WebSocket | null = null;
  #arrived: () => void = () => {};
  readonly #context: TestContext;

  constructor(context: TestContext) {
    this.#context = context;
  }

  /** Connects; tries again while no server has the session, as a page does. */
  async connect(browser: Browser): Promise<void> {
    for (let tries = 0; ; tries++) {
      const socket = browser.socket(`/api/terminals/learner?columns=80&rows=24&resumeFrom=${this.#offset}`);
      atEnd(this.#context, () => socket.terminate());
      socket.on('message', data => this.#take(data as Buffer));
      const opened = await once(socket, 'open').then(
        () => true,
        () => false,
      );
      this.#socket = socket;
      if (opened) return;
      assert.ok(tries < 40, 'no server opens the terminal');
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }

  #take(message: Buffer): void {
    if (message[0] === terminalMessage.snapshot) this.#offset = message.readDoubleBE(1);
    if (message[0] !== terminalMessage.output) return;
    const at = message.readDoubleBE(1);
    assert.equal(at, this.#offset, 'output goes on where it was');
    this.#offset = at + message.length - 9;
    this.text += message.subarray(9).toString('latin1');
    this.#arrived();
  }

  type(text: string): void {
    this.#socket?.send(Buffer.concat([Buffer.from([terminalMessage.input]), Buffer.from(text)]));
  }

  async until(wanted: RegExp, milliseconds = 60_000): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => wanted.test(this.text) && resolve();
    const fail = () =>
      reject(new Error(`not ${wanted} in ${milliseconds} ms: ${JSON.stringify(this.text.slice(-500))}`));
    const timer = setTimeout(fail, milliseconds);
    this.#arrived = look;
    look();
    await promise.finally(() => clearTimeout(timer));
  }

  async closed(): Promise<void> {
    if (this.#socket && this.#socket.readyState !== this.#socket.CLOSED) await once(this.#socket, 'close');
  }
}

async function joinedAt({ origin, code }: ServerProcess, name: string): Promise<Browser> {
  const browser = new Browser(origin);
  const { status, text } = await browser.post('/api/join', { code, name });
  assert.equal(status, 200, text);
  return browser;
}

async function signedIn({ origin, secret }: ServerProcess): Promise<Browser> {
  const browser = new Browser(origin);
  assert.equal((await browser.post('/api/sign-in', { secret })).status, 200);
  return browser;
}

async function readyAt(context: TestContext, browser: Browser): Promise<void> {
  const events = await browser.events(context);
  await browser.post('/api/sandbox/start');
  await events.until('sandbox', ({ sandbox }) => sandbox.phase === 'ready', 60_000);
}

const counting = 'for i in $(seq 1 60); do echo line-$i-; sleep 0.1; done; echo all-$((40+2))\r';

const nameOf = (databaseUrl: string) => /\/(test\d+)\?/.exec(databaseUrl)?.[1];

const sandboxes = (databaseUrl: string) => postgres.query('select id from sandboxes', nameOf(databaseUrl));

/** Every line came once, in order. */
function assertWhole(text: string): void {
  const lines = [...text.matchAll(/line-(\d+)-/g)].map(([, number]) => Number(number));
  assert.deepEqual(
    lines,
    Array.from({ length: 60 }, (_, index) => index + 1),
  );
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  const what = signal === 'SIGKILL' ? 'killed' : 'drained';
  test(`a server is ${what} while its learner types: the terminal goes on at the other`, {
    skip: skipReal,
  }, async context => {
    const data = await temporaryFolder(context);
    const databaseUrl = await postgres.database();
    // On this machine itself sandboxes are in the data folder; containers are known by the class that is in the database.
    const other = provider === 'local' ? data : await temporaryFolder(context);
    const [a, b] = [await startProcess(context, databaseUrl, data), await startProcess(context, databaseUrl, other)];
    const atA = await joinedAt(a, 'Ada');
    const atB = atA.at(b.origin);
    await readyAt(context, atA);
    await atA.post('/api/lessons/2.1/open');
    await atA.post('/api/exercises/httpbin-answers/hint');
    const before = await sandboxes(databaseUrl);
    const screen = new Screen(context);
    await screen.connect(atA);
    screen.type(counting);
    await screen.until(/line-5-/);
    a.program.child.kill(signal);
    const gone = performance.now();
    await screen.closed();
    await screen.connect(atB);
    context.diagnostic(`${what}: typing at the other server after ${Math.round(performance.now() - gone)} ms`);
    screen.type('echo typed-$((20+3))\r');
    await screen.until(/all-42/);
    await screen.until(/typed-23/);
    assertWhole(screen.text);
    const state = await stateOf(context, atB);
    assert.equal(state.lesson, '2.1');
    assert.equal(state.exercises['httpbin-answers']?.hintsHtml.length, 1);
    assert.deepEqual(await sandboxes(databaseUrl), before, 'the same sandbox');
    const { code } = await a.program.ended;
    assert.equal(code, signal === 'SIGKILL' ? null : 0);
    // With everything that was theirs.
    const teacher = await signedIn(b);
    assert.equal((await teacher.post(`/api/instructor/learners/${state.id}/remove`)).status, 204);
    assert.deepEqual(await sandboxes(databaseUrl), []);
  });
}

test('a sandbox whose server is gone is looked after by another, though its learner is away', {
  skip,
}, async context => {
  const { a, b } = await twoServers(context, postgres);
  const teacher = await (await instructor(b)).instructorEvents(context);
  const { browser, events, sandbox } = await ready(context, a, 'Ada');
  await teacher.until('learner', ({ learner }) => learner.online && learner.sandbox.phase === 'ready');
  events.socket.terminate();
  teacher.forget();
  await a.running.close(true);
  assert.equal(sandbox.ended, false);
  const calls = sandbox.calls.length;
  // The other one connects to it by itself.
  for (let tries = 0; sandbox.calls.length === calls && tries < 600; tries++)
    await new Promise(resolve => setTimeout(resolve, 100));
  await teacher.until('learner', ({ learner }) => !learner.online && learner.sandbox.phase === 'ready', 30_000);
  assert.equal((await browser.at(b.origin).post('/api/sandbox/extend')).status, 204);
});

test('a database that is away: terminals go on, what is passed meanwhile is saved later', { skip }, async context => {
  const { a, b } = await twoServers(context, postgres);
  const { browser, events, sandbox } = await ready(context, a, 'Ada');
  const atB = browser.at(b.origin);
  const echo = atB.socket('/api/terminals/learner?columns=80&rows=24');
  atEnd(context, () => echo.terminate());
  await once(echo, 'open');
  await browser.post('/api/lessons/2.1/open');
  await events.until('exercise', ({ exercise }) => exercise.checks[0]?.state === 'failed');
  await postgres.stop();
  sandbox.answer('port.list', () => ({ ports: [{ address: '0.0.0.0', port: 8000, pid: 7 }] }));
  sandbox.answer('process.list', () => ({
    processes: [{ pid: 7, parent: 1, user: 1000, command: ['httpbin'], startedMs: 1 }],
  }));
  sandbox.change();
  await events.until('exercise', ({ exercise }) => exercise.checks[0]?.state === 'passed');
  await events.until('saving', ({ paused }) => paused);
  assertRefused(await new Browser(b.origin).post('/api/join', { code: b.code, name: 'Bob' }), 503, 'unavailable');
  assertRefused(await browser.post('/api/resume-link'), 503, 'unavailable');
  const unknown = 'x'.repeat(43);
  const stranger = browser.socket('/api/events', { cookie: `unicorn-learner-8443=${unknown}` });
  assert.deepEqual(await refusalOf(stranger), { status: 503, code: 'unavailable' });
  assert.equal((await stateOf(context, browser)).savingPaused, true);
  assert.equal((await atB.post('/api/exercises/httpbin-answers/hint')).status, 204, 'who was known goes on');
  await events.until('exercise', ({ exercise }) => exercise.hintsHtml.length === 1);
  echo.send(Buffer.from([1, 104, 105]));
  const [message] = await once(echo, 'message');
  assert.deepEqual(Buffer.from(message as Buffer), Buffer.from([1, 104, 105]));
  // Longer than the leases.
  await new Promise(resolve => setTimeout(resolve, 7000));
  await postgres.start();
  await events.until('saving', ({ paused }) => !paused);
  events.forget();
  assert.equal(echo.readyState, echo.OPEN, 'the session stayed where it was');
  assert.equal((await atB.post('/api/exercises/httpbin-answers/hint')).status, 204);
  await events.until('exercise', ({ exercise }) => exercise.hintsHtml.length === 2);
  const teacher = await instructor(b);
  await teacher.post('/api/instructor/message', { text: 'All is well' });
  await events.until('message', ({ message: { text } }) => text === 'All is well');
  assert.equal(sandbox.ended, false);
  await a.running.close(true);
  const state = await stateOf(context, atB);
  assert.equal(state.exercises['httpbin-answers']?.checks[0]?.state, 'passed');
  assert.equal(state.exercises['httpbin-answers']?.hintsHtml.length, 2);
  assert.equal(state.savingPaused, false);
});

test('a server that was taken for gone leaves its sessions to the others, and goes on', { skip }, async context => {
  const { a, b, databaseUrl } = await twoServers(context, postgres);
  const { browser, events, sandbox } = await ready(context, a, 'Ada');
  await browser.post('/api/lessons/2.1/open');
  await postgres.query('delete from replicas', nameOf(databaseUrl));
  const [code] = await once(events.socket, 'close');
  assert.equal(code, 1012);
  const again = await browser.at(b.origin).events(context);
  assert.equal((await again.until('state')).state.lesson, '2.1');
  for (const { origin } of [a, b])
    assert.equal((await browser.at(origin).post('/api/exercises/httpbin-answers/hint')).status, 204);
  await again.until('exercise', ({ exercise }) => exercise.hintsHtml.length === 2);
  assert.equal(sandbox.ended, false);
});

test('a server that stands still is not waited for; when it goes on it knows that it lost', { skip }, async context => {
  const databaseUrl = await postgres.database();
  const folders = [await temporaryFolder(context), await temporaryFolder(context)] as const;
  const a = await startProcess(context, databaseUrl, folders[0]);
  const b = await startProcess(context, databaseUrl, folders[1]);
  const browser = await joinedAt(a, 'Ada');
  assert.equal((await browser.post('/api/lessons/2.1/open')).status, 204);
  a.program.child.kill('SIGSTOP');
  const began = performance.now();
  assert.equal((await browser.at(b.origin).post('/api/exercises/httpbin-answers/hint')).status, 204);
  context.diagnostic(`served by the other after ${Math.round(performance.now() - began)} ms`);
  a.program.child.kill('SIGCONT');
  assert.equal((await browser.post('/api/exercises/httpbin-answers/hint')).status, 204);
  const state = await stateOf(context, browser.at(b.origin));
  assert.deepEqual([state.lesson, state.exercises['httpbin-answers']?.hintsHtml.length], ['2.1', 2]);
});

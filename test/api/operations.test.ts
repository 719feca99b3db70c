import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { createLog } from '../../server/log.ts';
import { Histogram } from '../../server/operations/metrics.ts';
import { Readiness } from '../../server/operations/readiness.ts';
import { DockerProvider } from '../../server/providers/docker/provider.ts';
import type { ProviderReport } from '../../server/providers/provider.ts';
import { findProgram } from '../clients/programs.ts';
import { FakeProvider } from './fake-provider.ts';
import { Browser, instructor, joined, ready, refusalOf, startServer, type TestServer } from './harness.ts';

/** Asks as a probe does: no cookie, no origin, whatever Host it likes. */
async function probe({ running }: TestServer, path: string, host = `127.0.0.1:${running.port}`) {
  const asked = request({ host: '127.0.0.1', port: running.port, path, headers: { host } }).end();
  const [response] = await once(asked, 'response');
  return {
    status: response.statusCode as number,
    headers: response.headers as IncomingHttpHeaders,
    body: await text(response),
  };
}

/** The value of one sample; fails where there is none. */
function sampleOf(metrics: string, sample: string): number {
  const line = metrics.split('\n').find(found => found.startsWith(`${sample} `));
  assert.ok(line, `no ${sample} in\n${metrics}`);
  return Number(line.slice(sample.length + 1));
}

test('probes are answered by any address, by no strange name, and nothing else is', async context => {
  const server = await startServer(context);
  await server.running.report;
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    for (const host of ['10.42.0.7:8080', '[fd00::7]:8080', '192.0.2.1', `localhost:${server.running.port}`]) {
      assert.equal((await probe(server, path, host)).status, 200, `${path} by ${host}`);
    }
    for (const host of ['evil.example', '10.0.0.1.evil.example', '999.1.1.1', '10.0.0.1@evil']) {
      assert.equal((await probe(server, path, host)).status, 421, `${path} by "${host}"`);
    }
  }
  for (const path of ['/', '/api/me', '/healthz/', '//healthz', '/metrics/../api/me', '/api/me?/healthz']) {
    assert.equal((await probe(server, path, '10.42.0.7:8080')).status, 421, path);
  }
});

test('healthz says ok, readyz says why not', async context => {
  const untried = Promise.withResolvers<void>();
  class SlowProvider extends FakeProvider {
    override async probe(): Promise<ProviderReport> {
      await untried.promise;
      return { provider: 'local', usable: false, maximumSandboxes: 0, findings: [] };
    }
  }
  const server = await startServer(context, {}, new SlowProvider());
  assert.deepEqual([(await probe(server, '/healthz')).status, (await probe(server, '/healthz')).body], [200, 'ok\n']);
  const early = await probe(server, '/readyz');
  assert.equal(early.status, 503);
  assert.deepEqual(JSON.parse(early.body), { ready: false, reasons: ['the sandboxes are still being tried'] });
  untried.resolve();
  await server.running.report;
  const late = await probe(server, '/readyz');
  assert.equal(late.status, 503);
  assert.match(late.body, /no kind of sandbox works here/);
});

test('a trial that failed at the start is made again until it succeeds; meanwhile readyz and the page say so', async context => {
  class Provider extends FakeProvider {
    there = false;
    tries = 0;
    readonly triedAgain = Promise.withResolvers<void>();
    override async probe(): Promise<ProviderReport> {
      if (++this.tries === 3) this.triedAgain.resolve();
      if (this.there) return super.probe();
      const finding = { subject: 'Docker', state: 'missing', detail: 'the daemon does not answer' } as const;
      return { provider: 'local', usable: false, maximumSandboxes: 0, findings: [finding] };
    }
  }
  const provider = new Provider();
  provider.maximum = 7;
  const server = await startServer(context, {}, provider, [10]);
  await server.running.report;
  const room = await (await instructor(server)).instructorEvents(context);
  const { class: before } = await room.until('class');
  assert.equal(before.trouble, 'Docker: the daemon does not answer');
  await provider.triedAgain.promise;
  assert.match((await probe(server, '/readyz')).body, /no kind of sandbox works here; it is tried again/);
  provider.there = true;
  const { class: after } = await room.until('class', state => state.class.trouble === null);
  assert.equal(after.maximumSandboxes, 7);
  assert.equal((await probe(server, '/readyz')).status, 200);
  const { tries } = provider;
  await ready(context, server, 'Ada');
  assert.equal(provider.tries, tries, 'what works is not tried any more');
});

/** A server's readiness where all is well but for what is given. */
function readinessOf(broken: Partial<ConstructorParameters<typeof Readiness>[0]> = {}): Readiness {
  const well = {
    store: { followSlide: async () => null },
    provider: new FakeProvider(),
    data: '/',
    log: { warn() {} },
  };
  const readiness = new Readiness({ ...well, free: async () => 1e12, ...broken });
  readiness.tried(true);
  return readiness;
}

/** The waits of a readiness let the process end, so something has to keep it. */
function stayAlive(context: TestContext): void {
  const keep = setTimeout(() => {}, 5000);
  context.after(() => clearTimeout(keep));
}

test('a store that fails or hangs makes the server unready', async context => {
  stayAlive(context);
  const reasons = (followSlide: () => Promise<string | null>) => readinessOf({ store: { followSlide } }).reasons();
  assert.deepEqual(await reasons(async () => null), []);
  assert.deepEqual(await reasons(() => Promise.reject(new Error('away'))), ['the database does not answer']);
  assert.deepEqual(await reasons(() => new Promise(() => {})), ['the database does not answer']);
});

test('what the sandboxes run on makes the server unready when it goes later, and ready when it is back', async context => {
  stayAlive(context);
  let now = 1000;
  context.mock.method(performance, 'now', () => now);
  let asked = 0;
  let answer = async (_signal: AbortSignal): Promise<void> => {};
  const told: string[] = [];
  const readiness = readinessOf({
    provider: {
      name: 'docker',
      reach: signal => {
        asked++;
        return answer(signal);
      },
    },
    log: { warn: message => void told.push(message) },
  });
  const later = () => {
    now += 5000;
    return readiness.reasons();
  };
  const away = ['docker, which runs the sandboxes, does not answer'];
  assert.deepEqual(await later(), []);
  answer = () => Promise.reject(new Error('ECONNREFUSED'));
  assert.deepEqual(await readiness.reasons(), [], 'what was just looked at is not looked at again');
  assert.equal(asked, 1);
  assert.deepEqual(await Promise.all([later(), readiness.reasons()]), [away, away]);
  assert.equal(asked, 2, 'two who ask at once share one look');
  answer = () => new Promise(() => {});
  assert.deepEqual(await later(), away);
  assert.deepEqual(told, [`not ready: ${away[0]}`], 'it is logged once');
  answer = async () => {};
  assert.deepEqual(await later(), []);
});

test('a Docker daemon that is not there is not reached', async context => {
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = 'unix:///nowhere/docker.sock';
  context.after(() => {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  });
  const provider = new DockerProvider({ data: '/nowhere' });
  assert.deepEqual(await readinessOf({ provider }).reasons(), ['docker, which runs the sandboxes, does not answer']);
});

test('a full disk makes the server unready', async () => {
  const reasons = await readinessOf({ free: async () => 1 << 20 }).reasons();
  assert.deepEqual(reasons, ['the disk of the data folder is full']);
});

test('a server that ends says so while its pages leave, and still lives', async context => {
  const server = await startServer(context);
  await server.running.report;
  const learner = await joined(server, 'Ada');
  const { socket } = await learner.events(context);
  // It does not answer the goodbye, for which the server waits a moment.
  socket.pause();
  const closing = server.running.close(true);
  const [ready, health] = await Promise.all([probe(server, '/readyz'), probe(server, '/healthz')]);
  assert.deepEqual(JSON.parse(ready.body), { ready: false, reasons: ['the server is ending'] });
  assert.deepEqual([ready.status, health.status], [503, 200]);
  await closing;
});

test('metrics count what happens and name nobody', async context => {
  const server = await startServer(context, { maximumSandboxes: 1 });
  const metrics = async () => (await probe(server, '/metrics')).body;
  assert.equal(sampleOf(await metrics(), 'unicorn_learners'), 0);
  const first = await ready(context, server, 'Zebedee');
  const second = await joined(server, 'Quirina');
  const waiting = await second.events(context);
  await second.post('/api/sandbox/start');
  await waiting.until('sandbox', ({ sandbox }) => sandbox.phase === 'queued');
  const page = await (await instructor(server)).instructorEvents(context);
  const now = await metrics();
  assert.equal(sampleOf(now, 'unicorn_learners'), 2);
  assert.equal(sampleOf(now, 'unicorn_learners_here'), 2);
  assert.equal(sampleOf(now, 'unicorn_sandboxes{phase="ready"}'), 1);
  assert.equal(sampleOf(now, 'unicorn_sandboxes{phase="queued"}'), 1);
  assert.equal(sampleOf(now, 'unicorn_queue_length'), 1);
  assert.equal(sampleOf(now, 'unicorn_sandbox_ready_seconds_count'), 1);
  assert.equal(sampleOf(now, 'unicorn_sandbox_ready_seconds_bucket{le="+Inf"}'), 1);
  assert.equal(sampleOf(now, 'unicorn_websockets{kind="events"}'), 2);
  assert.equal(sampleOf(now, 'unicorn_websockets{kind="instructor"}'), 1);
  assert.equal(sampleOf(now, 'unicorn_websockets{kind="terminal"}'), 0);
  assert.ok(sampleOf(now, 'unicorn_http_requests_total{status="2xx"}') >= 4);
  assert.ok(sampleOf(now, 'process_resident_memory_bytes') > 1e7);
  assert.ok(sampleOf(now, 'process_cpu_seconds_total') > 0);
  assert.ok(sampleOf(now, 'nodejs_eventloop_lag_max_seconds') >= 0);
  for (const secret of ['Zebedee', 'Quirina', first.id, first.sandbox.id, server.code, server.secret]) {
    assert.ok(!now.includes(secret), secret);
  }
  page.socket.close();
  await once(page.socket, 'close');
  await first.browser.get('/api/nowhere');
  const later = await metrics();
  assert.equal(sampleOf(later, 'unicorn_websockets{kind="instructor"}'), 0);
  assert.equal(sampleOf(later, 'unicorn_http_requests_total{status="4xx"}'), 1);
});

test('checks that ran are counted by what came out', async context => {
  const server = await startServer(context);
  const { browser } = await ready(context, server, 'Ada');
  const { body } = await browser.get<{ modules: { lessons: { exercises: { id: string }[] }[] }[] }>('/api/workshop');
  const [exercise] = body.modules.flatMap(({ lessons }) => lessons).flatMap(({ exercises }) => exercises);
  assert.ok(exercise);
  await browser.post(`/api/exercises/${exercise.id}/check`);
  const { body: metrics } = await probe(server, '/metrics');
  assert.ok(sampleOf(metrics, 'unicorn_exercise_checks_seconds_count') >= 1);
  const results = [...metrics.matchAll(/^unicorn_checks_total\{result="(\w+)"\} (\d+)$/gm)];
  assert.ok(results.length > 0, metrics);
  // Nothing is played in this sandbox, so nothing can have passed.
  for (const [, result] of results) assert.notEqual(result, 'passed');
});

test('buckets of a histogram hold all that is below their bound', () => {
  const histogram = new Histogram([0.5, 1]);
  for (const value of [0.25, 0.5, 0.75, 4]) histogram.observe(value);
  assert.deepEqual(histogram.lines('x'), [
    'x_bucket{le="0.5"} 2',
    'x_bucket{le="1"} 3',
    'x_bucket{le="+Inf"} 4',
    'x_sum 5.5',
    'x_count 4',
  ]);
});

test('promtool finds nothing to mend in the metrics', async context => {
  const program = findProgram('promtool', 'UNICORN_PROMTOOL');
  if (!program) return context.skip('promtool is not there (Debian: prometheus), nor named in UNICORN_PROMTOOL');
  const server = await startServer(context);
  await ready(context, server, 'Ada');
  const { body, headers } = await probe(server, '/metrics');
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const child = spawn(program, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(body);
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.deepEqual({ code, out, errors }, { code: 0, out: '', errors: '' });
});

test('a log of JSON has one object a line, whatever is in it', () => {
  const lines: string[] = [];
  const log = createLog('info', 'json', line => lines.push(line));
  log.warn('two\nlines', { learner: 'ab12', level: 'forged', cause: 'a "quoted"\nthing', left: undefined });
  log.error('failed', { error: new Error('why\nnot') });
  log.debug('too fine');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.equal(line.indexOf('\n'), line.length - 1);
  const [first, second] = lines.map(line => JSON.parse(line) as Record<string, string>);
  const { time, ...rest } = first!;
  assert.ok(Math.abs(Date.parse(time!) - Date.now()) < 10_000);
  assert.deepEqual(rest, { level: 'warn', message: 'two\nlines', learner: 'ab12', cause: 'a "quoted"\nthing' });
  assert.match(second!.error!, /^Error: why\nnot\n {4}at /);
});

test('a socket that tries a browser needs no session, but our own page', async context => {
  const server = await startServer(context);
  const socket = new Browser(server.origin).socket('/api/check');
  const closed = once(socket, 'close');
  assert.equal(String((await once(socket, 'message'))[0]), '{"type":"works"}');
  assert.equal((await closed)[0], 1000);
  const strange = new Browser(server.origin).socket('/api/check', { origin: 'https://evil.example' });
  assert.deepEqual(await refusalOf(strange), { status: 403, code: 'wrong-origin' });
});

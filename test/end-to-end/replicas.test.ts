/** What a learner sees when parts of a class that several servers serve fail: in a real browser, with real sandboxes and a real database. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../api/at-end.ts';
import { temporaryFolder } from '../api/harness.ts';
import { Balancer } from '../fixtures/balancer.ts';
import { TestPostgres, whyNoPostgres } from '../fixtures/postgres.ts';
import { type ServerProcess, startProcess } from '../replicas/servers.ts';
import { launch, noBrowser, openPage } from './browser.ts';
import { LearnerAtWork } from './learner-at-work.ts';
import { noSandbox } from './server.ts';

const skip = noBrowser || (whyNoPostgres() ?? noSandbox());
const timeout = 180_000;

interface Class {
  ada: LearnerAtWork;
  servers: ServerProcess[];
  postgres: TestPostgres;
  errors: string[];
}

/** Two servers behind a balancer, and a learner with a sandbox. */
async function classOfTwo(context: TestContext): Promise<Class> {
  const postgres = await TestPostgres.make();
  atEnd(context, () => postgres.remove());
  const data = await temporaryFolder(context);
  const balancer = await Balancer.start();
  atEnd(context, () => balancer.close());
  const origin = `http://127.0.0.1:${balancer.port}`;
  const databaseUrl = await postgres.database();
  const start = () => startProcess(context, databaseUrl, data, origin);
  const servers = [await start(), await start()];
  balancer.ports = servers.map(portOf);
  const browser = await launch();
  atEnd(context, () => browser.close());
  const { page, errors } = await openPage(browser);
  const ada = new LearnerAtWork(page);
  await ada.join(`${origin}/#code=${servers[0]!.code}`, 'Ada');
  await ada.open('2.1');
  return { ada, servers, postgres, errors };
}

const portOf = ({ origin }: ServerProcess): number => Number(new URL(origin).port);

/** The server in which the learner's session lives. */
async function holderOf({ servers, postgres }: Class): Promise<ServerProcess> {
  const query = 'select address from replicas join session_leases on replica_id = replicas.id';
  const [row] = await postgres.query(query, 'test1');
  const holder = servers.find(server => String(row?.address).endsWith(`:${portOf(server)}`));
  assert.ok(holder, `nobody is at ${row?.address}`);
  return holder;
}

test('a server is killed while its learner types: the page goes on by the other, with terminal and progress', {
  skip,
  timeout,
}, async context => {
  const all = await classOfTwo(context);
  const { ada, errors } = all;
  await ada.run('httpbin');
  await ada.sees('httpbin', 'httpbin listens');
  await ada.run('curl -s httpbin:8000/headers');
  await ada.passes('httpbin-answers');
  await ada.type('learner', 'clear; for i in $(seq 1 80); do echo line-$i; sleep 0.1; done; echo all-$((40 + 2))');
  await ada.sees('learner', 'line-5');
  const holder = await holderOf(all);
  await holder.program.kill('SIGKILL');
  const away = ada.page.locator('.bar[data-state=reconnecting]');
  await away.waitFor();
  await ada.sees('learner', 'all-42');
  await away.waitFor({ state: 'detached' });
  await ada.type('learner', 'echo after-$((40 + 2))');
  await ada.sees('learner', 'after-42');
  await ada.passes('httpbin-answers');
  await ada.run('curl -s httpbin:8000/headers');
  assert.notEqual(await holderOf(all), holder);
  assert.deepEqual(
    errors.filter(text => !/Failed to load resource/.test(text)),
    [],
  );
});

test('the database goes away: the page says that saving is paused, all goes on, and what was passed is there afterwards', {
  skip,
  timeout,
}, async context => {
  const { ada, postgres, errors } = await classOfTwo(context);
  await ada.run('httpbin');
  await ada.sees('httpbin', 'httpbin listens');
  await postgres.stop();
  await ada.run('curl -s httpbin:8000/headers');
  await ada.passes('httpbin-answers');
  const paused = ada.page.locator('.bar[data-state=saving-paused]');
  await paused.waitFor({ timeout: 30_000 });
  await ada.type('learner', 'clear; echo still-$((40 + 2))');
  await ada.sees('learner', 'still-42');
  await postgres.start();
  await paused.waitFor({ state: 'detached', timeout: 30_000 });
  await ada.page.reload();
  await ada.lesson();
  await ada.passes('httpbin-answers');
  await ada.sees('learner', 'still-42');
  assert.deepEqual(
    errors.filter(text => !/Failed to load resource/.test(text)),
    [],
  );
});

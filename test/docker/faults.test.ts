/** What goes wrong with Docker, and what the learner sees of it: no progress lost, nothing left behind. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { containerName, volumeName } from '../../server/providers/docker/container.ts';
import { DockerProvider } from '../../server/providers/docker/provider.ts';
import { ownerOf } from '../../server/providers/owner.ts';
import type { Sandbox } from '../../server/providers/provider.ts';
import { Learner } from '../clients/learner.ts';
import { LabServer } from '../end-to-end/server.ts';
import { saved } from '../isolation/outside.ts';
import { dockerOutside, inContainer } from '../isolation/outside-docker.ts';
import { Learner as IsolatedLearner } from '../isolation/sandbox.ts';
import { says } from '../isolation/typing.ts';
import { clientOf, TestDaemon } from './daemon.ts';

const patience = 90_000;
const image = process.env.UNICORN_IMAGE!;
const docker = clientOf(process.env.DOCKER_HOST!);
const daemon = process.env.UNICORN_TEST_DOCKERD ? new TestDaemon(process.env.UNICORN_TEST_DOCKERD) : undefined;
after(() => daemon?.start([], 'if it is down'));

/** The daemon, where it is the tests' own; else the test is skipped. */
function restartable(context: TestContext): TestDaemon | undefined {
  if (!daemon) context.skip("DOCKER_HOST's daemon is not the tests' own, and is not restarted");
  return daemon;
}

/** A server, which leaves nothing after the test. */
async function serverOf(context: TestContext, flags: string[] = []): Promise<LabServer> {
  const server = await LabServer.start(['--provider', 'docker', '--class', ...flags]);
  context.after(async () => {
    await daemon?.start([], 'if it is down');
    await server.interrupt();
    const outside = await dockerOutside(server.data);
    const provider = new DockerProvider({ data: server.data, image });
    for (const home of await outside.homes()) await provider.removeHome(home);
    const left = await outside.sandboxes();
    await server.stop();
    assert.deepEqual(left, []);
  });
  return server;
}

async function joined(context: TestContext, server: LabServer): Promise<Learner> {
  const learner = await Learner.join(server.learnerUrl, 'Ada');
  context.after(() => learner.close());
  return learner;
}

async function start(learner: Learner): Promise<void> {
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
}

/** Ends the one sandbox of a server from outside. */
async function endOf(server: LabServer, learner: Learner): Promise<void> {
  const outside = await dockerOutside(server.data);
  for (const id of await outside.sandboxes()) await outside.kill(id);
  await learner.until('the end', patience, ({ sandbox }) => sandbox.phase === 'ended');
}

test('the daemon is restarted, and containers end with it: told, started again, nothing lost', async context => {
  const own = restartable(context);
  if (!own) return;
  const learner = await joined(context, await serverOf(context));
  await start(learner);
  await says(await learner.terminal('learner'), 'echo kept > file; echo $((6*7))', '42');
  await own.stop();
  await learner.until('that it is gone', patience, ({ sandbox }) => sandbox.phase === 'reconnecting');
  await own.start();
  await learner.until('the end', patience, ({ sandbox }) => sandbox.phase === 'ended');
  const { sandbox } = learner.state;
  assert.match(
    sandbox.phase === 'ended' ? sandbox.reason : '',
    /^The sandbox ended.*Your files are kept: start it again\.$/,
  );
  await start(learner);
  await says(await learner.terminal('learner'), 'cat file', 'kept');
});

test('the daemon is restarted, and containers live (live-restore): the terminals go on', async context => {
  const own = restartable(context);
  if (!own) return;
  await own.stop();
  await own.start(['--live-restore']);
  const learner = await joined(context, await serverOf(context));
  await start(learner);
  await says(await learner.terminal('learner'), 'kept=$((6*7)); echo is $kept', 'is 42');
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await own.stop(signal);
    await learner.until('that it is gone', patience, ({ sandbox }) => sandbox.phase === 'reconnecting');
    await own.start(['--live-restore']);
    await learner.until('the sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
    await says(await learner.terminal('learner'), `echo after ${signal} $kept`, `after ${signal} 42`);
  }
});

test('the daemon is away while a sandbox is made: told, waited for, made once', async context => {
  const own = restartable(context);
  if (!own) return;
  const server = await serverOf(context);
  const learner = await joined(context, server);
  await start(learner);
  await endOf(server, learner);
  await own.stop();
  await learner.post('/api/sandbox/start');
  await learner.until(
    'word of the daemon',
    patience,
    ({ sandbox }) => sandbox.phase === 'starting' && sandbox.steps.at(-1)?.title === 'Waiting for the Docker daemon',
  );
  await own.start();
  await learner.until('a sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  assert.equal((await (await dockerOutside(server.data)).sandboxes()).length, 1);
});

test('a server that starts while the daemon is away tries again by itself, and serves when that is back', async context => {
  const own = restartable(context);
  if (!own) return;
  await own.stop();
  const server = await serverOf(context);
  await server.readiness(503, /no kind of sandbox works here; it is tried again/);
  const learner = await joined(context, server);
  await own.start();
  await server.readiness(200, /"ready":true/);
  await start(learner);
  await says(await learner.terminal('learner'), 'echo $((6*7))', '42');
});

test('a server that comes back while the daemon is away finds its sandboxes when that is back', async context => {
  const own = restartable(context);
  if (!own) return;
  await own.stop();
  await own.start(['--live-restore']);
  const server = await serverOf(context);
  const learner = await joined(context, server);
  await start(learner);
  await says(await learner.terminal('learner'), 'kept=$((6*7)); echo is $kept', 'is 42');
  learner.close();
  await server.kill();
  await own.stop();
  await server.run();
  const again = await learner.again();
  context.after(() => again.close());
  await again.until('the search', patience, ({ sandbox }) => sandbox.phase === 'reconnecting');
  await own.start(['--live-restore']);
  await again.until('the sandbox', patience, ({ sandbox }) => sandbox.phase === 'ready');
  await says(await again.terminal('learner'), 'echo still $kept', 'still 42');
});

/** What the learner reads where no sandbox is made. */
async function failure(context: TestContext, flags: string[]): Promise<string> {
  const learner = await joined(context, await serverOf(context, flags));
  await learner.post('/api/sandbox/start');
  return failed(learner);
}

async function failed(learner: Learner): Promise<string> {
  await assert.rejects(
    learner.until('a failure', patience, () => false),
    /the sandbox: /,
  );
  const { sandbox } = learner.state;
  return sandbox.phase === 'failed' ? `${sandbox.message} | ${sandbox.remedy}` : sandbox.phase;
}

test('there is no such image: told, with the line that makes it', async context => {
  assert.equal(
    await failure(context, ['--image', 'no-such-image:1']),
    'the Docker daemon has no image no-such-image:1 | npm run -s images -- build sandbox --tag no-such-image:1',
  );
});

test('an image cannot be fetched: told, with the line that shows why', async context => {
  const name = 'registry.invalid/sandbox:1';
  const told = await failure(context, ['--image', name]);
  assert.match(
    told,
    /^the image registry\.invalid\/sandbox:1 cannot be fetched: .* \| docker pull registry\.invalid\/sandbox:1$/,
  );
});

test('somebody removed the image of a server that runs: told; made again, sandboxes start', async context => {
  const name = `unicorn-test-${process.pid}:1`;
  const [repo, tag] = name.split(':') as [string, string];
  const add = () => docker.getImage(image).tag({ repo, tag });
  await add();
  context.after(() =>
    docker
      .getImage(name)
      .remove()
      .catch(() => {}),
  );
  const server = await serverOf(context, ['--image', name]);
  const learner = await joined(context, server);
  await start(learner);
  await endOf(server, learner);
  await docker.getImage(name).remove();
  await learner.post('/api/sandbox/start');
  assert.match(await failed(learner), /has no image unicorn-test-\d+:1 \| npm run -s images -- build sandbox --tag/);
  await add();
  await start(learner);
});

const limits = { memoryBytes: 256 << 20, processes: 160, diskBytes: 24 << 20, cpus: 1, openFiles: 512 };

async function providerOf(context: TestContext): Promise<{ provider: DockerProvider; data: string }> {
  const data = await mkdtemp(join(tmpdir(), 'ud-'));
  context.after(() => rm(data, { recursive: true, force: true }));
  return { provider: new DockerProvider({ data, image }), data };
}

test('why a sandbox ended is known: it was killed, or for its memory', { timeout: 120_000 }, async context => {
  const { provider, data } = await providerOf(context);
  const outside = await dockerOutside(data);
  for (const [id, script, fate] of [
    ['killed000', 'true', 'its container was killed'],
    [
      'hungry000',
      `/opt/unicorn/bin/node -e 'for (const a = [];;) a.push(Buffer.alloc(8 << 20, 1))'`,
      'its memory did not suffice',
    ],
  ] as const) {
    const sandbox = await provider.create({ id, home: 'fatehome0', limits, orphanTimeoutSeconds: 60 }, () => {});
    assert.equal(await sandbox.fate?.(), undefined);
    await inContainer(docker, `unicorn-${await ownerOf(data)}-${id}`, script);
    await outside.kill(id);
    assert.equal(await sandbox.fate?.(), fate);
    await sandbox.end();
    assert.equal(await sandbox.fate?.(), undefined);
  }
  await provider.removeHome('fatehome0');
});

test('a sandbox that does not start leaves no container, and no home that was not there before', async context => {
  const { provider, data } = await providerOf(context);
  const outside = await dockerOutside(data);
  const create = (openFiles: number) =>
    provider.create(
      { id: 'nostart00', home: 'nostarthome', limits: { ...limits, openFiles }, orphanTimeoutSeconds: 30 },
      () => {},
    );
  await assert.rejects(create(3), { name: 'ProviderError', code: 'failed' });
  assert.deepEqual([await outside.sandboxes(), await outside.homes()], [[], []]);
  const sandbox = await create(512);
  await sandbox.end();
  await assert.rejects(create(3));
  assert.deepEqual([await outside.sandboxes(), await outside.homes()], [[], ['nostarthome']]);
  await provider.removeHome('nostarthome');
});

test('the volume of a home is full: what was saved before stays whole, and the sandbox works on', async context => {
  const { provider, data } = await providerOf(context);
  const owner = await ownerOf(data);
  const Labels = { 'unicorn.owner': owner, 'unicorn.home': 'fullhome0' };
  const DriverOpts = { type: 'tmpfs', device: 'tmpfs', o: 'size=256k,uid=1000,gid=1000,mode=700' };
  await docker.createVolume({ Name: volumeName(owner, 'fullhome0'), Driver: 'local', DriverOpts, Labels });
  const request = { id: 'fullvolume', home: 'fullhome0', limits, orphanTimeoutSeconds: 60 };
  const sandbox = await provider.create(request, () => {});
  context.after(async () => {
    await sandbox.end();
    await provider.removeHome('fullhome0');
  });
  const learner = new IsolatedLearner(sandbox);
  await learner.said('echo small > ~/small');
  await saved(await dockerOutside(data), 'fullvolume');
  await learner.said('head -c 2M /dev/urandom > ~/large');
  const inside = (script: string) => inContainer(docker, containerName(owner, 'fullvolume'), script);
  const tried = 'for n in $(seq 300); do [ -e /var/lib/unicorn/home.tar.new ] && exit; sleep 0.1; done; exit 1';
  assert.equal((await inside(tried)).status, 0);
  assert.match((await inside('tar -tf /var/lib/unicorn/home.tar')).said, /small/);
  await learner.isWell();
});

test('more processors than the daemon has are no reason to refuse', async context => {
  const { provider } = await providerOf(context);
  const request = { id: 'manycpus0', home: 'manycpushome', orphanTimeoutSeconds: 30 };
  const sandbox: Sandbox = await provider.create({ ...request, limits: { ...limits, cpus: 512 } }, () => {});
  await sandbox.end();
  await provider.removeHome('manycpushome');
});

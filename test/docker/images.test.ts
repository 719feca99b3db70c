/** Images are brought to a registry, and old ones removed. The registry is Debian's docker-registry, in the network namespace of the tests' daemon. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { follow } from '../../server/images/build.ts';
import { pruneImages, pushImage } from '../../server/images/distribute.ts';
import { clientOf, TestDaemon } from './daemon.ts';

const docker = clientOf(process.env.DOCKER_HOST!);
const daemonFolder = process.env.UNICORN_TEST_DOCKERD;
const port = 5000;
const emptyArchive = Buffer.alloc(1024);
/** `ada:secret`. */
const passwords = 'ada:$2y$05$1ImjA0yFEJ6Xcu1cYMBMa.Snk6yEKkDPGdnQGEnXJP/58Bi2O54xa\n';

const whyNoRegistry = (): string | false => {
  if (!daemonFolder) return "DOCKER_HOST's daemon is not the tests' own";
  return spawnSync('docker-registry', ['--version']).error
    ? "no docker-registry here: it is Debian's package of that name"
    : false;
};

/** A registry that lets nobody in but `ada`. */
async function registry(context: TestContext): Promise<string> {
  await new TestDaemon(daemonFolder!).start([], 'if it is down');
  const folder = await mkdtemp(join(tmpdir(), 'registry-'));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'passwords'), passwords);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      version: 0.1,
      log: { accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') } },
      http: { addr: `127.0.0.1:${port}` },
      auth: { htpasswd: { realm: 'tests', path: join(folder, 'passwords') } },
    }),
  );
  const pid = readFileSync(join(daemonFolder!, 'pid'), 'utf8').trim();
  const serve = `ip link set lo up && exec docker-registry serve ${join(folder, 'config.json')}`;
  const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, 'sh', '-c', serve], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  context.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stderr })) if (line.includes('listening on')) break;
  child.stderr.resume();
  return `127.0.0.1:${port}`;
}

/** Notes credentials as `docker login` does, for this test. */
async function login(context: TestContext, host: string, credentials: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-config-'));
  const before = process.env.DOCKER_CONFIG;
  context.after(async () => {
    if (before === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = before;
    await rm(folder, { recursive: true });
  });
  const auth = Buffer.from(credentials).toString('base64');
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  process.env.DOCKER_CONFIG = folder;
}

/** An image with nothing in it but its label, so that each is another one. */
async function emptyImage(context: TestContext, repository: string, tag: string): Promise<void> {
  const name = `${repository}:${tag}`;
  const options = { fromSrc: '-', repo: repository, tag, changes: `LABEL tag=${tag}` };
  const stream = await docker.importImage(Readable.from([emptyArchive]), options);
  await follow(stream, () => {});
  context.after(() =>
    docker
      .getImage(name)
      .remove()
      .catch(() => {}),
  );
}

async function namesOf(repository: string): Promise<string[]> {
  const images = await docker.listImages({ filters: JSON.stringify({ reference: [repository] }) });
  return images.flatMap(({ RepoTags }) => RepoTags ?? []).sort();
}

test('an image is pushed by who has logged in, and can be fetched from there', {
  skip: whyNoRegistry(),
  timeout: 60_000,
}, async context => {
  const host = await registry(context);
  await emptyImage(context, 'unicorn-test-push', 'r1');
  await login(context, host, 'ada:secret');
  const told: string[] = [];
  const name = await pushImage(docker, { repository: 'unicorn-test-push', revision: 'r1' }, `${host}/team/`, line =>
    told.push(line),
  );
  assert.equal(name, `${host}/team/unicorn-test-push:r1`);
  assert.match(told.join('\n'), /^[0-9a-f]{12}: pushed$/);
  assert.deepEqual(await namesOf(`${host}/team/unicorn-test-push`), [], 'the name for the registry is forgotten here');
  const authconfig = { username: 'ada', password: 'secret', serveraddress: host };
  const stream = await docker.pull(name, { authconfig });
  await follow(stream, () => {});
  const { Config } = await docker.getImage(name).inspect();
  assert.deepEqual(Config.Labels, { tag: 'r1' });
  await docker.getImage(name).remove();
});

test('who has not logged in, or with a wrong password, is told how to', {
  skip: whyNoRegistry(),
  timeout: 60_000,
}, async context => {
  const host = await registry(context);
  await emptyImage(context, 'unicorn-test-push', 'r1');
  const image = { repository: 'unicorn-test-push', revision: 'r1' };
  for (const credentials of ['', 'ada:wrong']) {
    await login(context, credentials === '' ? 'elsewhere.example' : host, credentials);
    await assert.rejects(
      pushImage(docker, image, `${host}/team`, () => {}),
      (error: Error & { remedy: string }) => {
        assert.match(error.message, /^127\.0\.0\.1:5000\/team\/unicorn-test-push:r1 was not pushed: /);
        assert.equal(error.remedy, 'may this user push there? docker login 127.0.0.1:5000');
        return true;
      },
    );
  }
});

test('images of other revisions are removed, but not those of running sandboxes or of others', {
  timeout: 60_000,
}, async context => {
  for (const tag of ['old', 'used', 'now', 'latest']) await emptyImage(context, 'unicorn-test-prune', tag);
  await emptyImage(context, 'unicorn-test-prune-not', 'old');
  const container = await docker.createContainer({ Image: 'unicorn-test-prune:used', Cmd: ['/none'] });
  context.after(() => container.remove().catch(() => {}));
  const images = [{ repository: 'unicorn-test-prune', revision: 'now' }];
  assert.deepEqual(await pruneImages(docker, images), ['unicorn-test-prune:old']);
  assert.deepEqual(
    await namesOf('unicorn-test-prune'),
    ['latest', 'now', 'used'].map(tag => `unicorn-test-prune:${tag}`),
  );
  assert.deepEqual(await namesOf('unicorn-test-prune-not'), ['unicorn-test-prune-not:old']);
  await container.remove();
  assert.deepEqual(await pruneImages(docker, images), ['unicorn-test-prune:used']);
});

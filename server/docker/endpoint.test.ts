import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectTo } from './connection.ts';
import { type DaemonError, within } from './daemon-error.ts';
import { findEndpoint } from './endpoint.ts';

/** A configuration of Docker's clients with the context `class` in use. */
async function configuration(context: TestContext, endpoint: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-docker-'));
  context.after(() => rm(folder, { recursive: true }));
  const id = createHash('sha256').update('class').digest('hex');
  await mkdir(join(folder, 'contexts/meta', id), { recursive: true });
  await mkdir(join(folder, 'contexts/tls', id, 'docker'), { recursive: true });
  await writeFile(join(folder, 'config.json'), '{"currentContext":"class"}');
  await writeFile(join(folder, 'contexts/meta', id, 'meta.json'), JSON.stringify({ Endpoints: { docker: endpoint } }));
  return folder;
}

test("the daemon is the one of Docker's own clients: variables before the context, that before the socket", async context => {
  const DOCKER_CONFIG = await configuration(context, { Host: 'tcp://10.1.2.3:2376' });
  const found = findEndpoint({ DOCKER_CONFIG });
  assert.deepEqual([found.host, found.from, found.verify], ['tcp://10.1.2.3:2376', 'the context class', true]);
  assert.match(found.certificates ?? '', /tls.*docker$/);
  assert.equal(findEndpoint({ DOCKER_CONFIG, DOCKER_HOST: 'tcp://h:1' }).host, 'tcp://h:1');
  assert.match(findEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'default' }).host, /^unix:\/\/.*docker\.sock$/);
  assert.throws(() => findEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'other' }), /no Docker context "other"/);
});

test('TLS is spoken and checked as the variables say', () => {
  const of = (environment: object) =>
    findEndpoint({ DOCKER_HOST: 'tcp://h:2376', DOCKER_CONFIG: '/none', ...environment });
  assert.equal(of({}).certificates, undefined);
  assert.deepEqual(
    [of({ DOCKER_TLS_VERIFY: '1' }).certificates, of({ DOCKER_TLS_VERIFY: '1' }).verify],
    ['/none', true],
  );
  assert.deepEqual([of({ DOCKER_CERT_PATH: '/c' }).certificates, of({ DOCKER_CERT_PATH: '/c' }).verify], ['/c', false]);
});

test('addresses are taken apart; ssh, where no host key would be checked, is refused with the way around it', () => {
  const modemOf = (host: string) =>
    connectTo({ host, from: 'DOCKER_HOST', certificates: undefined, verify: true }).modem as unknown as Record<
      string,
      unknown
    >;
  assert.equal(modemOf('unix:///run/d.sock').socketPath, '/run/d.sock');
  const { host, port, protocol } = modemOf('tcp://[::1]');
  assert.deepEqual([host, Number(port), protocol], ['::1', 2375, 'http']);
  assert.equal(modemOf('https://h').protocol, 'https');
  assert.throws(() => modemOf('ssh://me@h'), { remedy: /^ssh -fNL .* me@h, then DOCKER_HOST=/ });
  assert.throws(() => modemOf('nonsense'), /no address of a Docker daemon/);
});

test('a call that is not answered ends in time, and the request with it', async () => {
  let aborted = false;
  const call = within('to wait', 20, async signal => {
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  }).catch(error => {
    aborted = (error as DaemonError).away;
    throw error;
  });
  await assert.rejects(call, /was asked to wait and did not answer in 0.02 s/);
  assert.ok(aborted);
});

test('errors of the library come without its wrapping, and tell whether the daemon is away', async () => {
  const of = (error: object) => within('x', 1000, () => Promise.reject(error)).catch((found: DaemonError) => found);
  const missing = await of(
    Object.assign(new Error('(HTTP code 404) no such container - No such image: x '), { statusCode: 404 }),
  );
  assert.deepEqual([missing.message, missing.status, missing.away], ['No such image: x', 404, false]);
  const refused = await of(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
  assert.ok(refused.away);
  assert.ok(!(await of(Object.assign(new Error('connect EACCES'), { code: 'EACCES' }))).away);
});

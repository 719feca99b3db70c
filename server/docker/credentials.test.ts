import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { credentialsFor, registryOf } from './credentials.ts';

async function folderWith(context: TestContext, configuration: string): Promise<NodeJS.ProcessEnv> {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-docker-'));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'config.json'), configuration);
  return { DOCKER_CONFIG: folder, PATH: `${folder}${delimiter}${process.env.PATH}` };
}

test('the registry is the first part of a name that looks like a host', () => {
  const hub = 'https://index.docker.io/v1/';
  assert.equal(registryOf('registry.example.org/team/unicorn:1'), 'registry.example.org');
  assert.equal(registryOf('localhost:5000/unicorn'), 'localhost:5000');
  assert.equal(registryOf('localhost/unicorn'), 'localhost');
  assert.equal(registryOf('team/unicorn'), hub);
  assert.equal(registryOf('unicorn'), hub);
});

test('what docker login wrote is used for that registry alone', async context => {
  const auth = Buffer.from('ada:pass:word').toString('base64');
  const environment = await folderWith(
    context,
    JSON.stringify({ auths: { 'one.example': { auth }, 'two.example': { identitytoken: 'token' } } }),
  );
  assert.deepEqual(await credentialsFor('one.example/a:1', environment), {
    serveraddress: 'one.example',
    username: 'ada',
    password: 'pass:word',
  });
  assert.deepEqual(await credentialsFor('two.example/a', environment), {
    serveraddress: 'two.example',
    identitytoken: 'token',
  });
  assert.equal(await credentialsFor('three.example/a', environment), undefined);
});

test('a credential helper is asked; one that holds nothing says so, one that fails is an error', async context => {
  const environment = await folderWith(context, JSON.stringify({ credsStore: 'test' }));
  const script = `#!/bin/sh
read -r registry
case $registry in
  known.example) echo '{"Username":"ada","Secret":"secret"}' ;;
  token.example) echo '{"Username":"<token>","Secret":"it"}' ;;
  none.example) echo 'credentials not found in native keychain'; exit 1 ;;
  *) echo 'the keychain is locked'; exit 1 ;;
esac
`;
  const helper = join(environment.DOCKER_CONFIG!, 'docker-credential-test');
  await writeFile(helper, script);
  await chmod(helper, 0o755);
  assert.deepEqual(await credentialsFor('known.example/a', environment), {
    serveraddress: 'known.example',
    username: 'ada',
    password: 'secret',
  });
  assert.deepEqual(await credentialsFor('token.example/a', environment), {
    serveraddress: 'token.example',
    identitytoken: 'it',
  });
  assert.equal(await credentialsFor('none.example/a', environment), undefined);
  await assert.rejects(
    credentialsFor('locked.example/a', environment),
    /docker-credential-test: the keychain is locked/,
  );
});

test('a file that is no JSON is an error with its path; none at all is no error', async context => {
  const environment = await folderWith(context, '{');
  await assert.rejects(credentialsFor('a.example/b', environment), /config\.json cannot be read/);
  assert.equal(await credentialsFor('a.example/b', { DOCKER_CONFIG: '/no/such/folder' }), undefined);
});

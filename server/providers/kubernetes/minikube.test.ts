/** minikube itself needs a hypervisor and images: a stand-in records what it is asked. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkMinikube, minikubeHas, minikubeLoad, minikubeProfile } from './minikube.ts';

/** Puts a `minikube` first on the PATH that notes its arguments, says this, and ends so. */
async function standIn(context: TestContext, says: string, status = 0): Promise<() => Promise<string[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-minikube-'));
  const log = join(folder, 'asked');
  const script = `#!/bin/sh\necho "$*" >> '${log}'\ncat <<'END'\n${says}\nEND\nexit ${status}\n`;
  await writeFile(join(folder, 'minikube'), script, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${path}`;
  context.after(async () => {
    process.env.PATH = path;
    await rm(folder, { recursive: true });
  });
  return async () => (await readFile(log, 'utf8')).trim().split('\n');
}

test('the context that means minikube, and its profile', () => {
  assert.equal(minikubeProfile('minikube'), 'minikube');
  assert.equal(minikubeProfile('minikube:class'), 'class');
  assert.equal(minikubeProfile('minikube-of-mine'), undefined);
  assert.equal(minikubeProfile(undefined), undefined);
});

test('a profile that runs is used', async context => {
  const asked = await standIn(context, '{"Name":"class","Host":"Running","Kubelet":"Running","APIServer":"Running"}');
  await checkMinikube('class');
  assert.deepEqual(await asked(), ['status -p class -o json']);
});

test('one that does not run is told with the line that starts it', async context => {
  await standIn(context, '{"Name":"class","Host":"Stopped","Kubelet":"Stopped","APIServer":"Stopped"}', 7);
  await assert.rejects(checkMinikube('class'), (error: Error & { remedy: string }) => {
    assert.match(error.message, /profile class does not run/);
    assert.match(error.remedy, /^minikube start -p class /);
    return true;
  });
});

test('a machine without minikube is told so', async context => {
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  context.after(() => {
    process.env.PATH = path;
  });
  await assert.rejects(checkMinikube('minikube'), /minikube is not installed/);
});

test('an image is loaded into the profile, and found there', async context => {
  const asked = await standIn(context, 'docker.io/library/unicorn-sandbox:1\nregistry.k8s.io/pause:3.10');
  assert.equal(await minikubeHas('class', 'unicorn-sandbox:1'), true);
  assert.equal(await minikubeHas('class', 'unicorn-sandbox:2'), false);
  await minikubeLoad('class', 'unicorn-sandbox:2');
  assert.equal((await asked()).at(-1), 'image load unicorn-sandbox:2 -p class');
});

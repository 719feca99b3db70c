import assert from 'node:assert/strict';
import { test } from 'node:test';
import { droppedFields, homeClaim, type PodPlan, pullPolicy, sandboxPod } from './pod.ts';
import { bytesOf } from './quantity.ts';

const plan: PodPlan = {
  owner: 'abcdef012345',
  image: 'registry.example/unicorn-sandbox:1',
  namespaces: 'one',
  namespace: 'class',
  seccomp: 'unicorn/sandbox.json',
  apparmor: 'unconfined',
  homes: 'volume',
  storageClass: undefined,
};
const request = {
  id: 'a'.repeat(40),
  home: 'b'.repeat(40),
  limits: { memoryBytes: 384 << 20, processes: 256, diskBytes: 64 << 20, cpus: 1.5, openFiles: 1024 },
  orphanTimeoutSeconds: 600,
};

test('a pod without root, token, other capabilities or a writable root, with users of its own', () => {
  const { spec } = sandboxPod(request, plan);
  const [box] = spec!.containers;
  assert.equal(spec?.hostUsers, false);
  assert.equal(spec.automountServiceAccountToken, false);
  assert.equal(spec.securityContext?.runAsNonRoot, true);
  assert.equal(spec.securityContext.runAsUser, 1000);
  assert.deepEqual(spec.securityContext.seccompProfile, {
    type: 'Localhost',
    localhostProfile: 'unicorn/sandbox.json',
  });
  assert.deepEqual(box?.securityContext?.capabilities, { drop: ['ALL'], add: ['SETUID', 'SETGID'] });
  assert.equal(box.securityContext.readOnlyRootFilesystem, true);
  assert.equal(box.securityContext.privileged, undefined);
  for (const shared of ['hostNetwork', 'hostPID', 'hostIPC'] as const) assert.equal(spec[shared], undefined);
});

test('names fit what Kubernetes allows, also for the longest ids; labels tell whose it is', () => {
  const { metadata } = sandboxPod(request, plan);
  assert.ok(metadata!.name!.length <= 63, metadata!.name);
  assert.ok(homeClaim(request, plan).metadata!.name!.length <= 253);
  assert.deepEqual(metadata!.labels, {
    'app.kubernetes.io/name': 'unicorn-sandbox',
    'unicorn/owner': plan.owner,
    'unicorn/sandbox': request.id,
    'unicorn/home': request.home,
  });
});

test('memory, CPU and the disk are limited', () => {
  const { spec } = sandboxPod(request, plan);
  assert.deepEqual(spec!.containers[0]!.resources, {
    requests: { memory: '208Mi', cpu: '100m' },
    limits: { memory: '416Mi', cpu: '1500m' },
  });
  for (const { emptyDir, persistentVolumeClaim } of spec!.volumes!)
    assert.ok(emptyDir?.sizeLimit ?? persistentVolumeClaim);
});

test('a home on a volume outlives the pod; without volumes it is in the pod', () => {
  const home = (homes: PodPlan['homes']) =>
    sandboxPod(request, { ...plan, homes }).spec!.volumes!.find(({ name }) => name === 'home');
  const claim = homeClaim(request, { ...plan, storageClass: 'fast' });
  assert.equal(home('volume')?.persistentVolumeClaim?.claimName, claim.metadata?.name);
  assert.deepEqual(home('none')?.emptyDir, { sizeLimit: '132Mi' });
  assert.equal(claim.spec?.storageClassName, 'fast');
  assert.equal('storageClassName' in homeClaim(request, plan).spec!, false);
});

test('an image without a registry is never fetched', () => {
  assert.equal(pullPolicy('unicorn-sandbox:0123'), 'Never');
  assert.equal(pullPolicy('registry.example/unicorn-sandbox:0123'), 'IfNotPresent');
});

test('what an old cluster drops of a pod is named', () => {
  const pod = sandboxPod(request, plan);
  assert.deepEqual(droppedFields(pod), []);
  delete pod.spec!.hostUsers;
  delete pod.spec!.containers[0]!.securityContext!.procMount;
  assert.deepEqual(droppedFields(pod), ['hostUsers', 'procMount']);
});

test('quantities in bytes', () => {
  assert.equal(bytesOf('16Gi'), 16 * 2 ** 30);
  assert.equal(bytesOf('24655044Ki'), 24655044 * 1024);
  assert.equal(bytesOf('2G'), 2e9);
  assert.equal(bytesOf('512'), 512);
});

/** What goes wrong in a cluster, and what the learner is told: what `create` tells is shown at the start-up screen, step by step and at the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { AgentClient } from '../../server/agent/client.ts';
import { patiently } from '../../server/providers/kubernetes/patience.ts';
import { labels, podName } from '../../server/providers/kubernetes/pod.ts';
import { ProviderError } from '../../server/providers/provider.ts';
import { Learner } from '../clients/learner.ts';
import { LabServer } from '../end-to-end/server.ts';
import { shell, skip, type TestCluster, testCluster } from './cluster.ts';

const the = skip ? (undefined as unknown as TestCluster) : await testCluster();

/** How many pods an owner has: none is left behind. */
const podsOf = async (owner: string): Promise<number> => {
  const { items } = await the.core.listNamespacedPod({
    namespace: the.namespace,
    labelSelector: `${labels.owner}=${owner}`,
  });
  return items.length;
};

async function refused(call: Promise<unknown>): Promise<ProviderError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProviderError, String(error));
  return error;
}

test('an image that is not there', { skip }, async () => {
  const owner = 'noimage';
  for (const image of ['unicorn-sandbox:not-there', 'registry.invalid/unicorn-sandbox:1']) {
    const provider = await the.provider({ owner, image });
    const error = await refused(provider.create(the.request(), () => {}));
    assert.match(error.message, /the nodes do not get the image (unicorn-sandbox:not-there|registry.invalid\S+): /);
    assert.match(error.remedy ?? '', /--image/);
  }
  assert.equal(await podsOf(owner), 0);
});

test('a seccomp profile that is not on the node', { skip }, async () => {
  const owner = 'noprofile';
  const provider = await the.provider({ owner, seccomp: 'unicorn/not-there.json' });
  const error = await refused(provider.create(the.request(), () => {}));
  assert.match(error.message, /no seccomp profile for sandboxes: .*not-there\.json/);
  assert.match(error.remedy ?? '', /the chart of images\/kubernetes/);
  const report = await provider.probe();
  assert.equal(report.usable, false);
  assert.match(report.findings.find(({ state }) => state === 'missing')?.remedy ?? '', /DaemonSet/);
  assert.equal(await podsOf(owner), 0);
});

test('a quota that is used up', { skip }, async context => {
  const owner = 'quota';
  const { namespace } = the;
  const provider = await the.provider({ owner });
  const first = await provider.create(the.request(), () => {});
  context.after(() => first.end());
  const { length: there } = (await the.core.listNamespacedPod({ namespace })).items;
  const body = { metadata: { name: 'small' }, spec: { hard: { pods: String(there) } } };
  await the.core.createNamespacedResourceQuota({ namespace, body });
  context.after(() => the.core.deleteNamespacedResourceQuota({ namespace, name: 'small' }));
  while (!(await the.core.readNamespacedResourceQuota({ namespace, name: 'small' })).status?.used) await delay(50);
  const error = await refused(provider.create(the.request(), () => {}));
  assert.equal(error.code, 'no-capacity');
  assert.match(error.message, /the quota of the namespace .* is used up: .*limited: pods=/);
  assert.equal((await shell(first, 'echo well')).said, 'well');
  assert.equal(await podsOf(owner), 1);
});

test('a namespace that admits no such pods', { skip }, async context => {
  const { namespace } = the;
  const enforce = (level: string) =>
    the.core.readNamespace({ name: namespace }).then(body => {
      body.metadata!.labels = { ...body.metadata!.labels, 'pod-security.kubernetes.io/enforce': level };
      return the.core.replaceNamespace({ name: namespace, body });
    });
  await enforce('baseline');
  context.after(() => enforce('privileged'));
  const provider = await the.provider({ owner: 'strict' });
  const error = await refused(provider.create(the.request(), () => {}));
  assert.equal(error.code, 'unusable');
  assert.match(error.message, /does not admit sandboxes: .*PodSecurity/);
  assert.equal(
    error.remedy,
    `kubectl label --overwrite namespace ${namespace} pod-security.kubernetes.io/enforce=privileged`,
  );
});

test('no node with room: the learner reads why, and waits', { skip }, async () => {
  const owner = 'noroom';
  const provider = await the.provider({ owner });
  const request = the.request();
  const large = { ...request, limits: { ...request.limits, memoryBytes: 2 ** 50 } };
  const { promise: told, resolve } = Promise.withResolvers<string>();
  const made = refused(provider.create(large, (step: string) => /room/.test(step) && resolve(step)));
  assert.match(await told, /^Waiting for a node with room \(.*Insufficient memory/);
  await the.core.deleteNamespacedPod({ name: podName(owner, request.id), namespace: the.namespace });
  assert.match((await made).message, /its pod was deleted/);
  assert.equal(await podsOf(owner), 0);
});

test('a pod that is deleted or evicted under a learner: told, and made again with the home', { skip }, async () => {
  const owner = 'evicted';
  const { namespace } = the;
  const provider = await the.provider({ owner, homes: 'volume', storageClass: await the.volumes(1) });
  const request = the.request();
  const first = await provider.create(request, () => {});
  await shell(first, 'echo kept > ~/kept');
  const agent = await AgentClient.connect(await first.connect());
  const name = podName(owner, request.id);
  await the.core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } });
  await agent.closed;
  assert.match((await refused(first.connect())).message, /the sandbox is gone: its pod was deleted/);
  await first.end();
  const second = await provider.create(the.request({ home: request.home }), () => {});
  assert.equal((await shell(second, 'cat ~/kept')).said, 'kept');
  await second.end();
  await provider.removeHome(request.home);
  assert.equal(await podsOf(owner), 0);
  const { items } = await the.core.listNamespacedPersistentVolumeClaim({ namespace });
  assert.deepEqual(
    items.filter(({ metadata }) => !metadata?.deletionTimestamp),
    [],
  );
});

test('who takes all memory ends their own sandbox at worst: told why, and the neighbour does not notice', {
  skip,
  timeout: 120_000,
}, async context => {
  const provider = await the.provider({ owner: 'memory' });
  const [hungry, neighbour] = await Promise.all([
    provider.create(the.request(), () => {}),
    provider.create(the.request(), () => {}),
  ]);
  context.after(() => Promise.all([hungry.end(), neighbour.end()]));
  const one = 'node -e "const a = []; for (;;) a.push(Buffer.alloc(8 << 20, 1))"';
  assert.notEqual((await shell(hungry, one)).status, 0);
  const many = 'for n in $(seq 1 60); do (x=$(head -c 8M /dev/zero | tr "\\0" x); sleep 1) & done; wait';
  await shell(hungry, many, 40_000).catch(() => {});
  assert.equal((await shell(neighbour, 'echo well')).said, 'well');
  const fate = async (): Promise<string | undefined> => (await hungry.fate?.()) ?? undefined;
  const lives = await shell(hungry, 'echo well').then(
    ({ said }) => said === 'well',
    () => false,
  );
  for (let turn = 0; !lives && turn < 50 && (await fate()) === undefined; turn++) await delay(100);
  if (!lives) assert.equal(await fate(), 'it took more memory than a sandbox may have');
});

test('a pod that a finalizer holds: told after two requests, and it goes when it is asked again', {
  skip,
  timeout: 150_000,
}, async context => {
  const owner = 'held';
  const provider = await the.provider({ owner });
  const request = the.request();
  const sandbox = await provider.create(request, () => {});
  const { namespace } = the;
  const name = podName(owner, request.id);
  const finalizers = (value: string[] | null) =>
    the.core.patchNamespacedPod(
      { name, namespace, body: { metadata: { finalizers: value } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  context.after(async () => {
    if ((await podsOf(owner)) > 0) await finalizers(null);
  });
  await finalizers(['unicorn.test/hold']);
  const error = await refused(sandbox.end());
  assert.match(error.message, /is still there 60 s after it was deleted, held by unicorn\.test\/hold/);
  assert.match(error.remedy ?? '', /describe pod/);
  assert.equal(await podsOf(owner), 1);
  await finalizers(null);
  await sandbox.end();
  assert.equal(await podsOf(owner), 0);
});

test('another server finds what lives, and sweeps what has ended', { skip }, async () => {
  const owner = 'another';
  const provider = await the.provider({ owner });
  const [lives, ends] = await Promise.all([
    provider.create(the.request(), () => {}),
    provider.create(the.request({ orphanTimeoutSeconds: 1 }), () => {}),
  ]);
  await shell(lives, 'echo here > ~/here');
  const later = await the.provider({ owner });
  const name = podName(owner, ends.id);
  while ((await the.core.readNamespacedPod({ name, namespace: the.namespace })).status?.phase === 'Running')
    await delay(200);
  assert.deepEqual(
    (await later.find()).map(({ id }) => id),
    [lives.id],
  );
  await later.sweep();
  assert.equal(await podsOf(owner), 1);
  const [found] = await later.find();
  assert.equal((await shell(found!, 'cat ~/here')).said, 'here');
  await found!.end();
  assert.equal(await podsOf(owner), 0);
});

const apiServer = Number(process.env.UNICORN_TEST_API_SERVER_PID);
const noApiServer = skip || (apiServer ? false : 'UNICORN_TEST_API_SERVER_PID tells no process to stop');

test('a server that starts while the API server is away for 30 s says so, and serves when that is back', {
  skip: noApiServer,
  timeout: 240_000,
}, async context => {
  process.kill(apiServer, 'SIGSTOP');
  context.after(() => process.kill(apiServer, 'SIGCONT'));
  const stopped = performance.now();
  const flags = ['--class', '--provider', 'kubernetes', '--namespace', the.namespace, '--homes', 'none'];
  const server = await LabServer.start(flags);
  context.after(() => server.stop());
  await delay(30_000 - (performance.now() - stopped));
  await server.readiness(503, /the sandboxes are still being tried|no kind of sandbox works here; it is tried again/);
  process.kill(apiServer, 'SIGCONT');
  await server.readiness(200, /"ready":true/);
  const learner = await Learner.join(server.learnerUrl, 'Ada');
  context.after(() => learner.close());
  await learner.post('/api/sandbox/start');
  await learner.until('a sandbox', 60_000, ({ sandbox }) => sandbox.phase === 'ready');
});

test('an API server that is away for 30 s: the sandbox lives, and is reached again', {
  skip: noApiServer,
  timeout: 180_000,
}, async context => {
  const provider = await the.provider({ owner: 'apiaway' });
  const sandbox = await provider.create(the.request(), () => {});
  const agent = await AgentClient.connect(await sandbox.connect(), { pingMs: 2000 });
  await agent.call('file.write', { path: 'typed', content: 'before' });
  process.kill(apiServer, 'SIGSTOP');
  context.after(() => process.kill(apiServer, 'SIGCONT'));
  const stopped = performance.now();
  await agent.closed;
  assert.equal((await refused(sandbox.connect())).code, 'unreachable');
  await delay(30_000 - (performance.now() - stopped));
  process.kill(apiServer, 'SIGCONT');
  const next = await AgentClient.connect(await patiently(() => sandbox.connect()));
  assert.equal((await next.call('file.read', { path: 'typed', maximumBytes: 99 })).content, 'before');
  next.close();
  await sandbox.end();
  assert.equal(await podsOf('apiaway'), 0);
});

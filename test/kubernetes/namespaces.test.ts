/** A namespace for each learner. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { AgentClient } from '../../server/agent/client.ts';
import { ProviderError } from '../../server/providers/provider.ts';
import { skip, type TestCluster, testCluster } from './cluster.ts';
import { helmSays, withoutHelm } from './programs.ts';

const the = skip ? (undefined as unknown as TestCluster) : await testCluster();
const chart = join(resolve(import.meta.dirname, '../..'), 'images/kubernetes');
const prefix = `un${process.pid}`;

const isThere = (name: string): Promise<boolean> =>
  the.core.readNamespace({ name }).then(
    ({ status }) => status?.phase === 'Active',
    error => {
      assert.ok(error instanceof ApiException && error.code === 404, error);
      return false;
    },
  );

test('each learner has a namespace with its walls; it is kept with the home and goes with it', {
  skip,
}, async context => {
  const provider = await the.provider({ namespaces: 'learner', namespace: prefix });
  const requests = [the.request(), the.request()];
  context.after(async () => {
    for (const sandbox of await provider.find()) await sandbox.end();
    for (const { home } of requests) await provider.removeHome(home);
  });
  const sandboxes = await Promise.all(requests.map(request => provider.create(request, () => {})));
  for (const [index, { home }] of requests.entries()) {
    const namespace = `${prefix}-${home}`;
    const { items } = await the.core.listNamespacedPod({ namespace });
    assert.equal(items.length, 1);
    const { metadata } = await the.core.readNamespace({ name: namespace });
    assert.equal(metadata?.labels?.['pod-security.kubernetes.io/enforce'], 'privileged');
    const [quota, ...others] = (await the.core.listNamespacedResourceQuota({ namespace })).items;
    assert.equal(others.length, 0);
    // 256 MiB and the box's own 32, twice.
    assert.deepEqual([quota?.spec?.hard?.pods, quota?.spec?.hard?.['limits.memory']], ['2', '576Mi']);
    const [range] = (await the.core.listNamespacedLimitRange({ namespace })).items;
    const { max, _default, defaultRequest } = range?.spec?.limits[0] ?? {};
    assert.deepEqual([max?.memory, _default?.memory, defaultRequest?.memory], ['288Mi', '288Mi', '144Mi']);
    const agent = await AgentClient.connect(await sandboxes[index]!.connect());
    assert.equal(typeof (await agent.call('usage', {})).memoryBytes, 'number');
    agent.close();
  }
  const found = (await provider.find()).map(({ id }) => id).toSorted();
  assert.deepEqual(found, requests.map(({ id }) => id).toSorted());
  const { home } = requests[0]!;
  await sandboxes[0]!.end();
  assert.equal(await isThere(`${prefix}-${home}`), true, 'the home stays');
  const again = { ...the.request(), home };
  await (await provider.create(again, () => {})).end();
  await provider.removeHome(home);
  assert.equal(await isThere(`${prefix}-${home}`), false);
  await provider.removeHome(home);
});

test("a learner's namespace admits no container beyond its bounds, and they follow what the server is told", {
  skip,
}, async context => {
  const provider = await the.provider({ namespaces: 'learner', namespace: prefix });
  const request = the.request();
  const namespace = `${prefix}-${request.home}`;
  context.after(() => provider.removeHome(request.home));
  await (await provider.create(request, () => {})).end();
  const stray = (limit: string | undefined) => ({
    metadata: { generateName: 'stray-' },
    spec: {
      serviceAccountName: 'unicorn-sandbox',
      containers: [{ name: 'a', image: 'b', ...(limit && { resources: { limits: { memory: limit } } }) }],
    },
  });
  const beyond = await the.core.createNamespacedPod({ namespace, body: stray('289Mi') }).catch(thrown => thrown);
  assert.ok(beyond instanceof ApiException && beyond.code === 403, String(beyond));
  assert.match(String(beyond.body), /maximum memory usage per Container is 288Mi/);
  const plain = await the.core.createNamespacedPod({ namespace, body: stray(undefined) });
  assert.equal(plain.spec?.containers[0]?.resources?.limits?.memory, '288Mi');
  await the.core.deleteNamespacedPod({ namespace, name: plain.metadata!.name!, gracePeriodSeconds: 0 });
  const more = { ...the.request(), home: request.home, limits: { ...request.limits, memoryBytes: 320 << 20 } };
  await (await provider.create(more, () => {})).end();
  const { items } = await the.core.listNamespacedResourceQuota({ namespace });
  assert.equal(items[0]?.spec?.hard?.['limits.memory'], '704Mi');
});

test('a class that a server outside makes a namespace for is bounded; what the operator changes there stays', {
  skip,
}, async context => {
  const namespace = `${prefix}-class`;
  context.after(() => the.core.deleteNamespace({ name: namespace }));
  const made = await the.provider({ namespace });
  await (await made.create(the.request(), () => {})).end();
  const quotas = async () => (await the.core.listNamespacedResourceQuota({ namespace })).items;
  const [quota] = await quotas();
  assert.equal(quota?.spec?.hard?.['limits.memory'], '100Gi');
  assert.equal((await the.core.listNamespacedLimitRange({ namespace })).items.length, 1);
  await the.core.deleteNamespacedResourceQuota({ namespace, name: quota.metadata!.name! });
  const again = await the.provider({ namespace });
  await (await again.create(the.request(), () => {})).end();
  assert.deepEqual(await quotas(), []);
});

test('a namespace that does not go is told with what holds it, and goes when it is asked again', {
  skip,
  timeout: 90_000,
}, async () => {
  const provider = await the.provider({ namespaces: 'learner', namespace: prefix });
  const request = the.request();
  const namespace = `${prefix}-${request.home}`;
  await (await provider.create(request, () => {})).end();
  const held = { metadata: { name: 'held', finalizers: ['unicorn.test/hold'] } };
  await the.core.createNamespacedConfigMap({ namespace, body: held });
  const error = await provider.removeHome(request.home).catch(thrown => thrown);
  assert.ok(error instanceof ProviderError, String(error));
  assert.match(error.message, /still there 30 s after it was deleted: .*unicorn\.test\/hold/);
  await the.core.patchNamespacedConfigMap(
    { name: 'held', namespace, body: { metadata: { finalizers: null } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  );
  await provider.removeHome(request.home);
  assert.equal(await isThere(namespace), false);
});

test('the homes of a server are those that it made a namespace for, and nobody else is taken for one', {
  skip,
}, async context => {
  const provider = await the.provider({ namespaces: 'learner', namespace: prefix, owner: 'homesowner' });
  const other = await the.provider({ namespaces: 'learner', namespace: prefix, owner: 'otherowner' });
  const [request, others] = [the.request(), the.request()];
  const strange = `${prefix}-strange`;
  context.after(async () => {
    await provider.removeHome(request.home);
    await other.removeHome(others.home);
    await the.core.deleteNamespace({ name: strange });
  });
  await (await provider.create(request, () => {})).end();
  await (await other.create(others, () => {})).end();
  const { metadata } = await the.core.readNamespace({ name: `${prefix}-${request.home}` });
  const copied = { name: strange, labels: { ...metadata?.labels, 'unicorn/home': 'anothername' } };
  await the.core.createNamespace({ body: { metadata: copied } });
  assert.deepEqual(await provider.homes(), [request.home]);
  assert.deepEqual(await (await the.provider({ owner: 'homesowner' })).homes(), [], 'where all share one');
});

test('a prefix that leaves no room for homes is told before anything is made', { skip }, async () => {
  const provider = await the.provider({ namespaces: 'learner', namespace: 'a-name-of-twenty-three-x' });
  const { usable, findings } = await provider.probe();
  assert.equal(usable, false);
  assert.match(findings.at(-1)?.detail ?? '', /too long/);
});

/** What the chart gives a server, as its account has it. */
async function asServer(context: TestContext): Promise<KubeConfig> {
  const { core, config, namespace } = the;
  const set = `sandboxes.namespaces=learner,sandboxes.namespace=${prefix}`;
  const text = await helmSays('template', 'server', chart, '-n', namespace, '--set', set);
  const objects = KubernetesObjectApi.makeApiClient(config);
  const wanted = /^(ClusterRole|ClusterRoleBinding|ValidatingAdmissionPolicy|ValidatingAdmissionPolicyBinding)$/;
  const rights = parseAllDocuments(text)
    .map(document => document.toJS())
    .filter(object => wanted.test(object?.kind));
  assert.equal(rights.length, 4);
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'server' } } });
  context.after(() => Promise.all(rights.map(object => objects.delete(object))));
  for (const object of rights) await objects.create(object);
  const body = { spec: { audiences: [], expirationSeconds: 600 } };
  const { status } = await core.createNamespacedServiceAccountToken({ name: 'server', namespace, body });
  const own = new KubeConfig();
  const cluster = config.getCurrentCluster()!;
  own.loadFromClusterAndUser(cluster, { name: 'server', token: status?.token ?? '' });
  return own;
}

const withoutChart = skip || (await withoutHelm()) || false;
test("with the chart's rights a server does all of it, and changes nothing else", {
  skip: withoutChart,
}, async context => {
  const own = await asServer(context);
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-rights-'));
  const before = process.env.KUBECONFIG;
  context.after(async () => {
    process.env.KUBECONFIG = before;
    await rm(folder, { recursive: true });
  });
  const file = join(folder, 'config');
  await writeFile(file, own.exportConfig(), { mode: 0o600 });
  process.env.KUBECONFIG = file;
  const provider = await the.provider({ namespaces: 'learner', namespace: prefix });
  const { usable, findings } = await provider.probe();
  assert.equal(usable, true, JSON.stringify(findings));
  const request = the.request();
  await (await provider.create(request, () => {})).end();
  await provider.removeHome(request.home);
  const core = own.makeApiClient(CoreV1Api);
  const pod = { metadata: { name: 'stray' }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  const refused = async (attempt: Promise<unknown>) => {
    const error = await attempt.then(
      () => assert.fail('it was let'),
      thrown => thrown,
    );
    assert.ok(error instanceof ApiException && [403, 422].includes(error.code), String(error));
    assert.match(String(error.body), /namespaces of its learners|forbidden/);
  };
  await refused(core.createNamespacedPod({ namespace: 'default', body: pod }));
  await refused(core.createNamespace({ body: { metadata: { name: 'other' } } }));
  await refused(core.deleteNamespace({ name: the.namespace }));
  await refused(core.listNamespacedSecret({ namespace: the.namespace }));
  const quota = { metadata: { name: 'unicorn-sandbox' }, spec: { hard: { pods: '0' } } };
  await refused(core.createNamespacedResourceQuota({ namespace: the.namespace, body: quota }));
  await refused(core.createNamespacedLimitRange({ namespace: the.namespace, body: { metadata: quota.metadata } }));
  await refused(core.readNamespacedResourceQuota({ namespace: the.namespace, name: 'other' }));
});

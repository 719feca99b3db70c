/** The chart on a real cluster: the API server takes every manifest, the nodes get the profile, and the server makes sandboxes with the rights that it is given. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AppsV1Api } from '@kubernetes/client-node';
import { skip, type TestCluster, testCluster } from './cluster.ts';
import { execute } from './pod-shell.ts';
import { helmSays, withoutHelm } from './programs.ts';

const chart = join(resolve(import.meta.dirname, '../..'), 'images/kubernetes');
const serverImage = process.env.UNICORN_TEST_SERVER_IMAGE;
const lacking =
  skip || (await withoutHelm()) || (serverImage ? false : 'UNICORN_TEST_SERVER_IMAGE names no image of the server');
const the = lacking ? (undefined as unknown as TestCluster) : await testCluster();

/** Waits until a question is answered by yes. */
async function until(what: string, question: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(200)) if (await question()) return;
  assert.fail(`${what}: not within a minute`);
}

test('the chart is installed, and its server makes sandboxes', { skip: lacking, timeout: 180_000 }, async context => {
  const { namespace, core } = the;
  const [boxes, nodes] = [`${namespace}-boxes`, `${namespace}-nodes`];
  const values = {
    ...{ image: serverImage, 'sandboxes.image': process.env.UNICORN_IMAGE, 'sandboxes.homes': 'none' },
    ...{ 'sandboxes.namespace': boxes, 'nodes.namespace': nodes },
    'storage.storageClass': await the.volumes(1),
    'nodes.kubeletFolder': process.env.UNICORN_TEST_KUBELET_FOLDER ?? '/var/lib/kubelet',
  };
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  await helmSays('install', 'unicorn', chart, '-n', namespace, ...set);
  context.after(() => helmSays('uninstall', 'unicorn', '-n', namespace, '--wait'));
  const apps = the.config.makeApiClient(AppsV1Api);
  await until('the profile on every node', async () => {
    const { status } = await apps.readNamespacedDaemonSet({ name: 'unicorn-nodes', namespace: nodes });
    return (status?.desiredNumberScheduled ?? 0) > 0 && status?.numberReady === status?.desiredNumberScheduled;
  });
  const server = { namespace, labelSelector: 'app.kubernetes.io/name=unicorn' };
  await until('the server', async () => {
    const { items } = await core.listNamespacedPod(server);
    return items[0]?.status?.containerStatuses?.[0]?.ready === true;
  });
  const [pod] = (await core.listNamespacedPod(server)).items;
  const doctor = ['node', 'server/main.ts', 'doctor', '--json'];
  const answer = await execute(the.config, namespace, pod!.metadata!.name!, doctor, 'server');
  const [report] = JSON.parse(answer) as { usable: boolean; findings: { subject: string; state: string }[] }[];
  assert.equal(report?.usable, true, answer);
  assert.equal(report.findings.find(({ subject }) => subject === 'trial')?.state, 'works');
  assert.equal((await core.listNamespacedPod({ namespace: boxes })).items.length, 0);
});

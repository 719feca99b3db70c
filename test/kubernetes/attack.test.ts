/** What a learner in a pod tries on the cluster. The list of the local sandbox runs in pods as well: npm test -- "isolation on kubernetes" */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { podName } from '../../server/providers/kubernetes/pod.ts';
import type { Sandbox } from '../../server/providers/provider.ts';
import { shell, skip, type TestCluster, testCluster } from './cluster.ts';

const the = skip ? (undefined as unknown as TestCluster) : await testCluster();
const owner = 'attacktest';

async function sandbox(context: TestContext): Promise<{ sandbox: Sandbox; pod: string }> {
  const provider = await the.provider({ owner });
  const request = the.request();
  const made = await provider.create(request, () => {});
  context.after(() => made.end());
  return { sandbox: made, pod: podName(owner, request.id) };
}

test('the API server, the metadata address, the node and the neighbour are not reached', { skip }, async context => {
  const [learner, neighbour] = await Promise.all([sandbox(context), sandbox(context)]);
  const { namespace } = the;
  const { status } = await the.core.readNamespacedPod({ name: neighbour.pod, namespace });
  const { status: own } = await the.core.readNamespacedPod({ name: learner.pod, namespace });
  assert.ok(status?.podIP && own?.hostIP);
  const { items } = await the.core.listNamespacedService({ namespace: 'default' });
  const service = items.find(({ metadata }) => metadata?.name === 'kubernetes')?.spec?.clusterIP;
  const targets = [
    `${the.config.getCurrentCluster()!.server}/version`,
    `https://${service}/version`,
    'https://kubernetes.default.svc/version',
    'http://169.254.169.254/latest/meta-data/',
    `https://${own.hostIP}:10250/pods`,
    `http://${own.hostIP}:10256/healthz`,
    `http://${status.podIP}:8000/`,
    `http://${own.podIP}:8000/`,
  ];
  for (const target of targets) {
    const { status: exit, said } = await shell(learner.sandbox, `curl -sSk -m 2 ${target}`);
    assert.notEqual(exit, 0, `${target} answered: ${said}`);
  }
  assert.equal(
    (await shell(learner.sandbox, 'ping -c1 -W1 127.0.0.1 > /dev/null 2>&1; cat /proc/net/route | wc -l')).said,
    '1',
  );
});

test('there is no token, no address and no name of the cluster in a world', { skip }, async context => {
  const { sandbox: learner } = await sandbox(context);
  const looks = [
    'ls -A /var/run/secrets /run/secrets 2>/dev/null',
    'env | grep -i -e kube -e unicorn_ || true',
    'grep -v -e localhost -e httpbin /etc/hosts | grep -v "^#" | grep -i -e svc -e cluster -e sandbox || true',
    'cat /etc/resolv.conf',
    'find / -xdev -name "*.sock" -o -xdev -name "token" 2>/dev/null | grep -v "^/proc" || true',
  ];
  for (const look of looks) {
    const { said } = await shell(learner, look);
    assert.equal(said.replaceAll('/run/unicorn/events.sock', '').trim(), '', look);
  }
});

test('the pod itself has no token, no rights over the node, and is nobody there', { skip }, async context => {
  const { pod } = await sandbox(context);
  const { namespace } = the;
  const { spec } = await the.core.readNamespacedPod({ name: pod, namespace });
  assert.deepEqual(spec?.volumes?.map(({ name }) => name).sort(), ['home', 'run', 'tmp']);
  assert.equal(spec.hostUsers, false);
  assert.ok(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC);
  const { execute } = await import('./pod-shell.ts');
  const inPod = (script: string) => execute(the.config, namespace, pod, ['sh', '-c', script]);
  assert.equal(await inPod('id -u'), '1000');
  assert.equal(await inPod('ls -A /var/run/secrets 2>/dev/null || true'), '');
  // The pod's 0 is no user of the node.
  const [, outside] = (await inPod('cat /proc/self/uid_map')).split(/\s+/).filter(Boolean);
  assert.ok(Number(outside) >= 65_536, `0 of the pod is ${outside} of the node`);
  assert.match(await inPod('grep CapBnd /proc/self/status'), /00000000000000c0$/);
  assert.notEqual(await inPod('(echo x > /proc/sys/kernel/core_pattern) 2>/dev/null; echo $?'), '0');
  assert.notEqual(await inPod('(echo x > /etc/x) 2>/dev/null; echo $?'), '0');
});

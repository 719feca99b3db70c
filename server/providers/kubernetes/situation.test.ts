import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreV1Event, V1Pod, V1PodStatus } from '@kubernetes/client-node';
import { ApiException } from '#kubernetes';
import { isUnreachable, refusal } from './refusals.ts';
import { type Situation, situationFromEvent, situationOf } from './situation.ts';

const pod = (status: V1PodStatus, deletionTimestamp?: Date): V1Pod => ({
  metadata: { name: 'p', ...(deletionTimestamp ? { deletionTimestamp } : {}) },
  spec: { containers: [{ name: 'box', image: 'an/image' }] },
  status,
});
const waiting = (reason: string, message: string): V1Pod =>
  pod({
    phase: 'Pending',
    containerStatuses: [
      { name: 'box', image: '', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason, message } } },
    ],
  });
const said = (situation: Situation | undefined): string => {
  if (situation === undefined) return '';
  if (situation.is === 'waiting') return situation.step;
  if (situation.is === 'over') return situation.why;
  return situation.is === 'hopeless' ? `${situation.error.message} → ${situation.error.remedy}` : '';
};

test('what a pod waits for, in words', () => {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
  const full = { ...condition, message: '0/3 nodes are available: 3 Insufficient memory.' };
  const volume = { ...condition, message: 'pod has unbound immediate PersistentVolumeClaims.' };
  assert.match(
    said(situationOf(pod({ phase: 'Pending', conditions: [full] }))),
    /node with room .*3 Insufficient memory/,
  );
  assert.match(said(situationOf(pod({ phase: 'Pending', conditions: [volume] }))), /volume for the home/);
  assert.equal(said(situationOf(pod({ phase: 'Pending' }))), 'Looking for a node');
  assert.equal(situationOf(waiting('ErrImagePull', 'no')).is, 'waiting');
});

test('what no waiting helps, with a remedy', () => {
  for (const reason of ['ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName']) {
    const situation = situationOf(waiting(reason, 'not found'));
    assert.equal(situation.is, 'hopeless');
    assert.match(said(situation), /do not get the image an\/image: not found → .*--image/);
  }
  const seccomp = 'failed to create containerd container: cannot load seccomp profile "/x/y.json": no such file';
  assert.match(
    said(situationOf(waiting('CreateContainerError', seccomp))),
    /no seccomp profile .* → install the chart/,
  );
  const sandbox = (message: string) =>
    said(situationFromEvent({ reason: 'FailedCreatePodSandBox', message } as CoreV1Event));
  assert.match(sandbox('runtime does not support user namespaces'), /users of its own.* → use nodes with/);
  assert.match(sandbox('network is not ready'), /tried again/);
});

test('why a pod is over', () => {
  const evicted = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
  assert.match(said(situationOf(pod(evicted))), /its pod was evicted: The node was low/);
  const ended = {
    phase: 'Succeeded',
    conditions: [{ type: 'DisruptionTarget', status: 'True', message: 'low on memory' }],
  };
  assert.match(said(situationOf(pod(ended))), /its pod was evicted: low on memory/);
  assert.equal(said(situationOf(pod({ phase: 'Succeeded' }))), 'its pod ended');
  assert.equal(said(situationOf(pod({ phase: 'Running' }, new Date()))), 'its pod was deleted');
});

test('what the API server refuses', () => {
  const answer = (code: number, message: string) => refusal(new ApiException(code, '', { message }, {}), 'class');
  const quota = answer(
    403,
    'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
  );
  assert.equal(quota.code, 'no-capacity');
  assert.match(quota.message, /quota of the namespace class is used up/);
  const security = answer(403, 'pods "x" is forbidden: violates PodSecurity "baseline:latest": procMount');
  assert.match(security.remedy ?? '', /kubectl label --overwrite namespace class pod-security/);
  assert.match(answer(403, 'User "u" cannot create resource "pods"').remedy ?? '', /Role/);
  assert.match(answer(404, 'namespaces "class" not found').message, /there is no namespace class/);
  assert.match(
    refusal(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }), 'class').message,
    /ECONNREFUSED/,
  );
});

test('only a cluster that has no time is asked again', () => {
  assert.equal(isUnreachable(new TypeError('fetch failed')), true);
  assert.equal(isUnreachable(new ApiException(503, '', '', {})), true);
  assert.equal(isUnreachable(new ApiException(404, '', '', {})), false);
  assert.equal(isUnreachable(refusal(new Error('x'), 'class')), true);
});

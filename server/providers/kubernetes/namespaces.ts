/** A namespace for each learner, where the operator wishes it: made with the first pod, removed with the home. */
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Namespace, V1ResourceQuota } from '@kubernetes/client-node';
import { ProviderError } from '../provider.ts';
import type { Cluster } from './cluster.ts';
import { patiently } from './patience.ts';
import { labels, namespaceOf, type PodPlan, sandboxApplication } from './pod.ts';
import { isStatus, refusal } from './refusals.ts';
import { ensure, makeAccount, makePolicy } from './surroundings.ts';

/** The homes of doctor's trials begin so. */
export const trialPrefix = 'trial';
/** No trial takes so long. */
const trialMs = 10 * 60_000;
/** A name has at most 63 characters; homes have 40. */
const longestPrefix = 22;
const goneMs = 30_000;
const lookEveryMs = 500;

/** The sandbox and, while it is saved, the next one. */
const quota: V1ResourceQuota = {
  metadata: { name: 'unicorn-sandbox', labels: { [labels.application]: sandboxApplication } },
  spec: { hard: { pods: '2', services: '0', secrets: '0', persistentvolumeclaims: '1' } },
};

/** @throws ProviderError `unusable` */
export function checkPrefix({ namespace, namespaces }: PodPlan): void {
  if (namespaces === 'learner' && namespace.length > longestPrefix)
    throw new ProviderError(
      'unusable',
      `${namespace} is too long to begin the names of learners' namespaces: ${longestPrefix} characters are left for it`,
      '--namespace with a shorter name',
    );
}

/** Makes the namespace of this home, with what has to be in it, unless it is there. @throws ApiException */
export async function makeNamespace(cluster: Cluster, plan: PodPlan, home: string): Promise<void> {
  const { core } = cluster;
  const namespace = namespaceOf(plan, home);
  const body: V1Namespace = {
    metadata: {
      name: namespace,
      labels: {
        [labels.application]: sandboxApplication,
        [labels.owner]: plan.owner,
        [labels.home]: home,
        // An unmasked /proc and the right to map user ids are above `baseline`. The server alone makes pods there.
        'pod-security.kubernetes.io/enforce': 'privileged',
      },
    },
  };
  await ensure(
    () => core.readNamespace({ name: namespace }),
    () => core.createNamespace({ body }),
  );
  await makeAccount(cluster, namespace);
  await makePolicy(cluster, namespace);
  await ensure(
    () => core.readNamespacedResourceQuota({ name: quota.metadata!.name!, namespace }),
    () => core.createNamespacedResourceQuota({ namespace, body: quota }),
  );
}

/**
 * Removes the namespace of this home with all that is in it, and waits until it is gone.
 *
 * @throws ProviderError where it does not go: what holds it is named
 */
export async function removeNamespace({ core }: Cluster, plan: PodPlan, home: string): Promise<void> {
  const name = namespaceOf(plan, home);
  const until = performance.now() + goneMs;
  try {
    for (;;) {
      await patiently(() => core.deleteNamespace({ name }));
      const left = await core.readNamespace({ name });
      if (performance.now() > until) throw hangs(left);
      await delay(lookEveryMs);
    }
  } catch (error) {
    if (!isStatus(error, 404)) throw refusal(error, name);
  }
}

/** Removes the namespaces of trials that were killed. */
export async function sweepTrials(cluster: Cluster, plan: PodPlan): Promise<void> {
  const { items } = await cluster.core.listNamespace({ labelSelector: `${labels.owner}=${plan.owner}` });
  const before = Date.now() - trialMs;
  for (const { metadata } of items) {
    const home = metadata?.labels?.[labels.home] ?? '';
    const old = (metadata?.creationTimestamp?.getTime() ?? Number.POSITIVE_INFINITY) < before;
    if (home.startsWith(trialPrefix) && old) await removeNamespace(cluster, plan, home);
  }
}

/** The API server tells in conditions what is left in a namespace, and what waits for whom. */
function hangs({ metadata, status }: V1Namespace): ProviderError {
  const held = (status?.conditions ?? []).filter(
    ({ type, status }) => status === 'True' && /^Namespace.*(Remaining|Failure)$/.test(type),
  );
  const why = held.map(({ message }) => message).join(' ') || 'nothing tells why';
  return new ProviderError(
    'failed',
    `the namespace ${metadata?.name} is still there ${goneMs / 1000} s after it was deleted: ${why}`,
    `kubectl get namespace ${metadata?.name} -o yaml tells more`,
  );
}

/** A namespace for each learner, where the operator wishes it: made with the first pod, removed with the home. */
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Namespace } from '@kubernetes/client-node';
import { ProviderError, type SandboxRequest } from '../provider.ts';
import { learnerBounds, setBounds } from './bounds.ts';
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

/** @throws ProviderError `unusable` */
export function checkPrefix({ namespace, namespaces }: PodPlan): void {
  if (namespaces === 'learner' && namespace.length > longestPrefix)
    throw new ProviderError(
      'unusable',
      `${namespace} is too long to begin the names of learners' namespaces: ${longestPrefix} characters are left for it`,
      '--namespace with a shorter name',
    );
}

/** Makes the namespace of this sandbox's home, with what has to be in it, unless it is there. @throws ApiException, ProviderError */
export async function makeNamespace(cluster: Cluster, plan: PodPlan, request: SandboxRequest): Promise<void> {
  const { core } = cluster;
  const { home } = request;
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
  await setBounds(cluster, namespace, learnerBounds(request));
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
    await patiently(() => core.deleteNamespace({ name }));
    for (;;) {
      const left = await core.readNamespace({ name });
      if (performance.now() > until) throw hangs(left);
      await delay(lookEveryMs);
    }
  } catch (error) {
    if (!isStatus(error, 404)) throw refusal(error, name);
  }
}

/** The homes that have a namespace of this owner, but for those of trials. */
export async function homesIn(cluster: Cluster, plan: PodPlan): Promise<string[]> {
  const own = await ownNamespaces(cluster, plan);
  return own.map(({ home }) => home).filter(home => !home.startsWith(trialPrefix));
}

/** Those that this owner made with this prefix: whoever has put the labels on something else is left alone. */
async function ownNamespaces({ core }: Cluster, plan: PodPlan): Promise<(V1Namespace & { home: string })[]> {
  const mine = `${labels.owner}=${plan.owner},${labels.application}=${sandboxApplication}`;
  const { items } = await patiently(() => core.listNamespace({ labelSelector: mine }));
  return items
    .map(namespace => ({ ...namespace, home: namespace.metadata?.labels?.[labels.home] ?? '' }))
    .filter(({ metadata, home }) => home !== '' && metadata?.name === namespaceOf(plan, home));
}

/** Removes the namespaces of trials that were killed. */
export async function sweepTrials(cluster: Cluster, plan: PodPlan): Promise<void> {
  const before = Date.now() - trialMs;
  for (const { metadata, home } of await ownNamespaces(cluster, plan)) {
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

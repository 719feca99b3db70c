/** How much a namespace of sandboxes may take: a quota for all in it, and a range for each container. */
import { setTimeout as delay } from 'node:timers/promises';
import type { V1LimitRange, V1ObjectMeta, V1ResourceQuota } from '@kubernetes/client-node';
import { ProviderError, type SandboxRequest } from '../provider.ts';
import type { Cluster } from './cluster.ts';
import { patiently } from './patience.ts';
import { labels, memoryOf, requestedMemory, sandboxApplication } from './pod.ts';
import { bytesOf, mebibytes } from './quantity.ts';
import { isStatus } from './refusals.ts';

/** The roles of the chart name it. */
export const boundsName = 'unicorn-sandbox';
const name = boundsName;
const metadata: V1ObjectMeta = { name, labels: { [labels.application]: sandboxApplication } };
const countedMs = 15_000;
const lookEveryMs = 50;

export interface Bounds {
  quota: Record<string, string>;
  range: V1LimitRange;
}

/** As `images/kubernetes/values.yaml` has it: for a class whose namespace the server makes itself. */
export const classBounds: Bounds = {
  quota: { pods: '200', 'limits.memory': '100Gi' },
  range: {
    metadata,
    spec: {
      limits: [
        {
          type: 'Container',
          _default: { cpu: '1', memory: '512Mi' },
          defaultRequest: { cpu: '100m', memory: '256Mi' },
        },
      ],
    },
  },
};

/** For the sandbox of one learner and, while it is saved, the next one. */
export function learnerBounds(request: Pick<SandboxRequest, 'limits'>): Bounds {
  const memory = mebibytes(memoryOf(request));
  const twice = mebibytes(2 * memoryOf(request));
  const limits = [
    {
      type: 'Container',
      max: { memory },
      _default: { memory },
      defaultRequest: { memory: mebibytes(requestedMemory(request)) },
    },
  ];
  return {
    quota: { pods: '2', services: '0', secrets: '0', persistentvolumeclaims: '1', 'limits.memory': twice },
    range: { metadata, spec: { limits } },
  };
}

/**
 * Sets the bounds of a namespace, and waits until its quota counts: no pod is admitted before.
 *
 * @throws ApiException, ProviderError
 */
export async function setBounds({ core }: Cluster, namespace: string, { quota, range }: Bounds): Promise<void> {
  // A quota of memory refuses whoever names no limit: the range, which gives one, comes first.
  const oldRange = await unlessMissing(core.readNamespacedLimitRange({ name, namespace }));
  if (!oldRange) await core.createNamespacedLimitRange({ namespace, body: range }).catch(unlessThere);
  else if (memoryIn(oldRange) !== memoryIn(range))
    await core.replaceNamespacedLimitRange({ name, namespace, body: range });
  const body: V1ResourceQuota = { metadata, spec: { hard: quota } };
  const oldQuota = await unlessMissing(core.readNamespacedResourceQuota({ name, namespace }));
  if (!oldQuota) await core.createNamespacedResourceQuota({ namespace, body }).catch(unlessThere);
  else if (!sameQuantities(oldQuota.spec?.hard, quota))
    await core.replaceNamespacedResourceQuota({ name, namespace, body });
  else if (sameQuantities(oldQuota.status?.hard, quota)) return;
  const until = performance.now() + countedMs;
  for (;;) {
    const { status } = await patiently(() => core.readNamespacedResourceQuota({ name, namespace }));
    if (sameQuantities(status?.hard, quota)) return;
    if (performance.now() > until) throw notCounted(namespace);
    await delay(lookEveryMs);
  }
}

const notCounted = (namespace: string): ProviderError =>
  new ProviderError(
    'failed',
    `the quota of the namespace ${namespace} is not counted ${countedMs / 1000} s after it was made`,
    "look whether the cluster's controller manager runs",
  );

const memoryIn = ({ spec }: V1LimitRange): number => bytesOf(spec?.limits[0]?.max?.memory ?? '0');

/** The API server writes quantities in its own way. */
const sameQuantities = (one: Record<string, string> | undefined, other: Record<string, string>): boolean =>
  Object.entries(other).every(([resource, quantity]) => bytesOf(one?.[resource] ?? '') === bytesOf(quantity));

const unlessMissing = <T>(read: Promise<T>): Promise<T | undefined> =>
  read.catch(error => {
    if (!isStatus(error, 404)) throw error;
    return undefined;
  });

const unlessThere = (error: unknown): void => {
  if (!isStatus(error, 409)) throw error;
};

/** What has to be in a namespace before the first pod: itself, a service account without rights or token, a policy that lets nothing in or out, and how much it may take. */
import type { V1NetworkPolicy, V1ServiceAccount } from '@kubernetes/client-node';
import { classBounds, setBounds } from './bounds.ts';
import type { Cluster } from './cluster.ts';
import { labels, sandboxApplication, serviceAccount } from './pod.ts';
import { isStatus } from './refusals.ts';

const managed = { [labels.application]: sandboxApplication };

export const sandboxAccount: V1ServiceAccount = {
  metadata: { name: serviceAccount, labels: managed },
  automountServiceAccountToken: false,
};

/** The agent is reached by exec, through the kubelet: no traffic of the pod's own. Not all networks enforce it; the learner's world has no way out anyway. */
export const sandboxPolicy: V1NetworkPolicy = {
  metadata: { name: 'unicorn-sandbox', labels: managed },
  spec: {
    podSelector: { matchLabels: { [labels.application]: sandboxApplication } },
    policyTypes: ['Ingress', 'Egress'],
  },
};

/**
 * Makes what is not there. Who may not make it, may use what an operator made (the chart of images/kubernetes).
 *
 * @throws ApiException where something is not there and may not be made
 */
export async function makeSurroundings(cluster: Cluster, namespace: string): Promise<void> {
  // Only the cluster's administrator may ask for the namespace itself: the account in it shows that it is there.
  let ours = false;
  await makeAccount(cluster, namespace, async () => {
    const making = cluster.core.createNamespace({ body: { metadata: { name: namespace } } });
    ours = await making.then(
      () => true,
      error => {
        unless(403, 409)(error);
        return false;
      },
    );
  });
  await makePolicy(cluster, namespace);
  // In a namespace that an operator made, they are the operator's to set; here, to change.
  if (ours) await setBounds(cluster, namespace, classBounds).catch(unless(403));
}

/** @param before done where the account is not there yet */
export async function makeAccount(
  { core }: Cluster,
  namespace: string,
  before: () => Promise<unknown> = async () => {},
): Promise<void> {
  await ensure(
    () => core.readNamespacedServiceAccount({ name: serviceAccount, namespace }),
    async () => {
      await before();
      await core.createNamespacedServiceAccount({ namespace, body: sandboxAccount });
    },
  );
}

export async function makePolicy({ networking }: Cluster, namespace: string): Promise<void> {
  const { name } = sandboxPolicy.metadata!;
  await ensure(
    () => networking.readNamespacedNetworkPolicy({ name: name!, namespace }),
    () => networking.createNamespacedNetworkPolicy({ namespace, body: sandboxPolicy }),
  );
}

const unless =
  (...codes: number[]) =>
  (error: unknown): void => {
    if (!isStatus(error, ...codes)) throw error;
  };

/** Makes what is not there. */
export async function ensure(read: () => Promise<unknown>, make: () => Promise<unknown>): Promise<void> {
  const there = await read().then(
    () => true,
    error => {
      unless(404)(error);
      return false;
    },
  );
  if (!there) await make().catch(unless(409));
}

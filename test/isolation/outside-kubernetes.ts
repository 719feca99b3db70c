import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { environmentSettings } from '../../server/command-line.ts';
import { labels, podName } from '../../server/providers/kubernetes/pod.ts';
import { isStatus } from '../../server/providers/kubernetes/refusals.ts';
import { ownerOf } from '../../server/providers/owner.ts';
import type { Outside } from './outside.ts';

/** Sandboxes in pods. Nodes are other machines: nothing is looked for there. */
export async function kubernetesOutside(data: string): Promise<Outside> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const core = config.makeApiClient(CoreV1Api);
  const { namespace, homes } = environmentSettings(process.env).kubernetes;
  const owner = await ownerOf(data);
  const own = { namespace, labelSelector: `${labels.owner}=${owner}` };
  const pods = async (): Promise<V1Pod[]> => (await core.listNamespacedPod(own)).items;
  const labelOf = ({ metadata }: V1Pod): string => metadata?.labels?.[labels.sandbox] ?? '';
  return {
    // Without the trial of a server that has just started.
    sandboxes: async () => (await pods()).map(labelOf).filter(id => id !== '' && !id.startsWith('trial')),
    kill: async id =>
      void (await core.deleteNamespacedPod({ name: podName(owner, id), namespace, gracePeriodSeconds: 0 })),
    traces: async ids =>
      (await pods())
        .filter(pod => ids.includes(labelOf(pod)))
        .map(({ metadata, status }) => `pod ${metadata?.name} (${status?.phase})`),
    savedAt: () => Promise.reject(new Error(`homes are kept as ${homes}: tests do not look into volumes`)),
    processes: async () => [],
    close: async () => {
      await core.deleteNamespace({ name: namespace }).catch(error => {
        // Where no sandbox could be made, nobody made one.
        if (!isStatus(error, 404)) throw error;
      });
    },
    homes: async () => {
      const { items } = await core.listNamespacedPersistentVolumeClaim(own);
      return items.map(({ metadata }) => metadata?.labels?.[labels.home] ?? metadata?.name ?? '');
    },
  };
}

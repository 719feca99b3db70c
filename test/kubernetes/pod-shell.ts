import { text } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import { Cluster } from '../../server/providers/kubernetes/cluster.ts';

/** What a command in a pod's container says: outside of the learner's world, where only the agent is. */
export async function execute(
  config: KubeConfig,
  namespace: string,
  pod: string,
  command: string[],
  container = 'box',
): Promise<string> {
  const stream = await new Cluster(config).exec(namespace, pod, container, command);
  stream.end();
  return (await text(stream)).trim();
}

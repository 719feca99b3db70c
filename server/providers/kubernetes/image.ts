import { architectureOf, sandboxRepository } from '../../images/build.ts';
import { sandboxContext } from '../../images/context.ts';
import type { Cluster } from './cluster.ts';

/** The image of the pods: the operator's, else the name that this checkout's has when it is built (for the processor of the API server). */
export async function wantedImage(named: string | null, cluster: Cluster): Promise<string> {
  if (named !== null) return named;
  const { platform } = await cluster.version.getCode();
  const context = await sandboxContext(architectureOf(platform.split('/')[1] ?? ''));
  return `${sandboxRepository}:${context.revision}`;
}

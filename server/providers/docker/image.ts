/** The image of the sandboxes on a daemon: found, pulled, or built. */
import type Docker from 'dockerode';
import { architectureOf, buildImage, type DaemonMessage, follow, sandboxRepository } from '../../images/build.ts';
import { sandboxContext } from '../../images/context.ts';
import { ProviderError } from '../provider.ts';

/** Whether a name stands for an image of a registry, rather than for one made on this machine. */
const isOfRegistry = (name: string): boolean => name.includes('/');

/** True where the daemon has it. */
export async function hasImage(docker: Docker, name: string): Promise<boolean> {
  try {
    await docker.getImage(name).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/**
 * Sees to it that the daemon has the image; answers its name.
 *
 * @param wanted a name of the operator's, or undefined for the one built of this checkout
 * @param tell called with what is happening, in words for the learner
 * @throws ProviderError `unusable`
 */
export async function ensureImage(
  docker: Docker,
  wanted: string | undefined,
  tell: (step: string) => void,
): Promise<string> {
  if (wanted === undefined) return ensureBuilt(docker, tell);
  if (await hasImage(docker, wanted)) return wanted;
  if (!isOfRegistry(wanted))
    throw new ProviderError(
      'unusable',
      `the Docker daemon has no image ${wanted}`,
      'npm run -s images -- build sandbox',
    );
  await pull(docker, wanted, tell);
  return wanted;
}

async function ensureBuilt(docker: Docker, tell: (step: string) => void): Promise<string> {
  const { Architecture: machine } = (await docker.info()) as { Architecture: string };
  const context = await sandboxContext(architectureOf(machine));
  const name = `${sandboxRepository}:${context.revision}`;
  if (await hasImage(docker, name)) return name;
  tell('Building the image of the sandboxes, once: a minute or two');
  try {
    await buildImage(docker, context, { tags: [name, `${sandboxRepository}:latest`], base: undefined }, () => {});
  } catch (error) {
    const remedy = 'npm run -s images -- build sandbox   (with --base local where no image registry is reached)';
    throw new ProviderError('unusable', `the image of the sandboxes cannot be built: ${lastLine(error)}`, remedy);
  }
  return name;
}

const lastLine = (error: unknown): string => (error as Error).message.split('\n')[0] ?? '';

async function pull(docker: Docker, name: string, tell: (step: string) => void): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let told = '';
  const progress = ({ id, progressDetail }: DaemonMessage): void => {
    if (!id || !progressDetail?.total) return;
    layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    const text = `Fetching the image of the sandboxes, ${percent(layers)} %`;
    if (text !== told) tell(text);
    told = text;
  };
  try {
    await follow(docker, await docker.pull(name), progress);
  } catch (error) {
    throw new ProviderError(
      'unusable',
      `the image ${name} cannot be fetched: ${lastLine(error)}`,
      `docker pull ${name}`,
    );
  }
}

function percent(layers: Map<string, { current: number; total: number }>): number {
  const all = [...layers.values()];
  const sum = (key: 'current' | 'total') => all.reduce((total, layer) => total + layer[key], 0);
  return Math.floor((100 * sum('current')) / sum('total') / 5) * 5;
}

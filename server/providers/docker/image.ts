/** The image of the sandboxes on a daemon: found, pulled, or built. */
import type Docker from 'dockerode';
import { asDaemonError, type DaemonError, within } from '../../docker/daemon-error.ts';
import { architectureOf, buildImage, type DaemonMessage, follow, sandboxRepository } from '../../images/build.ts';
import { sandboxContext } from '../../images/context.ts';
import { ProviderError, type TellProgress } from '../provider.ts';

const callMs = 30_000;
const buildLine = 'npm run -s images -- build sandbox';
const buildRemedy = `${buildLine}   (with --base local where no image registry is reached)`;

/** Whether a name stands for an image of a registry, rather than for one made on this machine. */
const isOfRegistry = (name: string): boolean => name.includes('/');

/** True where the daemon has it. @throws DaemonError */
export async function hasImage(docker: Docker, name: string): Promise<boolean> {
  try {
    await within('for an image', callMs, abortSignal => docker.getImage(name).inspect({ abortSignal } as object));
    return true;
  } catch (error) {
    if ((error as DaemonError).status === 404) return false;
    throw error;
  }
}

/**
 * Sees to it that the daemon has the image; answers its name.
 *
 * @param wanted a name of the operator's, or undefined for the one built of this checkout
 * @param machine the daemon's processor, as `docker info` names it
 * @throws ProviderError `unusable`, DaemonError
 */
export async function ensureImage(
  docker: Docker,
  { wanted, machine }: { wanted: string | undefined; machine: string },
  tell: TellProgress,
): Promise<string> {
  if (wanted === undefined) return ensureBuilt(docker, machine, tell);
  if (await hasImage(docker, wanted)) return wanted;
  if (!isOfRegistry(wanted))
    throw new ProviderError('unusable', `the Docker daemon has no image ${wanted}`, `${buildLine} --tag ${wanted}`);
  await pull(docker, wanted, tell);
  return wanted;
}

async function ensureBuilt(docker: Docker, machine: string, tell: TellProgress): Promise<string> {
  const context = await sandboxContext(architectureOf(machine)).catch((error: Error) => {
    throw new ProviderError('unusable', error.message);
  });
  const name = `${sandboxRepository}:${context.revision}`;
  if (await hasImage(docker, name)) return name;
  const step = 'Building the image of the sandboxes, once';
  tell(step);
  const tags = [name, `${sandboxRepository}:latest`];
  try {
    await buildImage(docker, context, { tags, base: undefined }, line => {
      const [, at, all] = /^Step (\d+)\/(\d+) :/.exec(line) ?? [];
      if (at) tell(step, `step ${at} of ${all}`);
    });
  } catch (error) {
    throw failed(error, 'the image of the sandboxes cannot be built', buildRemedy);
  }
  return name;
}

/** What failed in words; a daemon that went away stays that. */
function failed(error: unknown, what: string, remedy: string): Error {
  const { away, message } = asDaemonError(error as Error);
  if (away) return asDaemonError(error as Error);
  return new ProviderError('unusable', `${what}: ${message.split('\n')[0] ?? ''}`, remedy);
}

async function pull(docker: Docker, name: string, tell: TellProgress): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  const step = 'Fetching the image of the sandboxes';
  let told = '';
  const progress = ({ id, progressDetail }: DaemonMessage): void => {
    if (!id || !progressDetail?.total) return;
    layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    const text = `${percent(layers)} %`;
    if (text !== told) tell(step, text);
    told = text;
  };
  tell(step);
  try {
    await follow(
      await within('to fetch an image', 10 * callMs, abortSignal => docker.pull(name, { abortSignal })),
      progress,
    );
  } catch (error) {
    throw failed(error, `the image ${name} cannot be fetched`, `docker pull ${name}`);
  }
}

function percent(layers: Map<string, { current: number; total: number }>): number {
  const all = [...layers.values()];
  const sum = (key: 'current' | 'total') => all.reduce((total, layer) => total + layer[key], 0);
  return Math.floor((100 * sum('current')) / sum('total') / 5) * 5;
}

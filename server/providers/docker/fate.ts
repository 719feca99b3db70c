/** Why a container ended. */
import type Docker from 'dockerode';
import { type DaemonError, within } from '../../docker/daemon-error.ts';

const callMs = 10_000;

/** In words that follow "The sandbox ended:"; undefined where the daemon does not know, or it lives. @throws DaemonError */
export async function fateOf(container: Docker.Container): Promise<string | undefined> {
  try {
    const { State } = await within('for its state', callMs, abortSignal => container.inspect({ abortSignal }));
    if (State.OOMKilled) return 'its memory did not suffice';
    if (!State.Running && State.ExitCode === 137) return 'its container was killed';
    return undefined;
  } catch (error) {
    if ((error as DaemonError).status === 404) return undefined;
    throw error;
  }
}

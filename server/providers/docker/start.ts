/** Starts and removes containers, and tells in words why one does not start. */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { DaemonError, isGone, within } from '../../docker/daemon-error.ts';
import type { SandboxRequest } from '../provider.ts';
import { type ContainerPlan, containerOptions } from './container.ts';
import { fateOf } from './fate.ts';
import { type Answer, firstAnswer } from './output.ts';

/** For one call that a daemon that is well answers at once. */
export const callMs = 30_000;
const startMs = 60_000;

/**
 * Starts a container and waits for the box program's answer. On a failure the container is gone, but where the daemon is away.
 *
 * @throws DaemonError
 */
export async function startContainer(docker: Docker, request: SandboxRequest, plan: ContainerPlan): Promise<Answer> {
  const options = containerOptions(request, plan);
  const container = await within('to make a container', callMs, abortSignal =>
    docker.createContainer({ ...options, abortSignal }),
  );
  try {
    const answer = await answerOf(container);
    if (answer.error === undefined) return answer;
    throw new DaemonError(answer.error);
  } catch (error) {
    const explained = await explain(container, error as Error);
    await removeContainer(container);
    throw explained;
  }
}

async function answerOf(container: Docker.Container): Promise<Answer> {
  const attach = { stream: true, stdout: true, stderr: true };
  const output = await within('for its output', callMs, abortSignal => container.attach({ ...attach, abortSignal }));
  try {
    await within('to start a container', startMs, abortSignal => container.start({ abortSignal }));
  } catch (error) {
    (output as Duplex).destroy();
    throw error;
  }
  return firstAnswer(output as Duplex, AbortSignal.timeout(startMs));
}

/** The error with what the daemon knows of the container's end. */
async function explain(container: Docker.Container, error: Error): Promise<Error> {
  if (error instanceof DaemonError && (error.away || error.status !== undefined)) return error;
  const fate = await fateOf(container);
  return fate === undefined ? error : new DaemonError(`${fate} (${error.message})`);
}

/** Removes a container, whatever it does, and resolves when it is gone. @throws DaemonError */
export async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await within('to remove a container', callMs, abortSignal => container.remove({ force: true, abortSignal }));
  } catch (error) {
    if (!isGone(error)) throw error;
    if ((error as DaemonError).status === 409) await removed(container, callMs);
  }
}

/** Resolves when there is no such container any more. @throws DaemonError */
async function removed(container: Docker.Container, ms: number): Promise<void> {
  try {
    await within('to remove a container', ms, abortSignal => container.wait({ condition: 'removed', abortSignal }));
  } catch (error) {
    if (!(error instanceof DaemonError && error.status === 404)) throw error;
  }
}

import type Docker from 'dockerode';
import { asDaemonError } from '../../docker/daemon-error.ts';
import type { Finding, SandboxLimits } from '../provider.ts';
import type { ContainerPlan } from './container.ts';
import { trialFinding } from './doctor.ts';
import type { OwnContainers } from './own-containers.ts';
import { removeContainer, startContainer } from './start.ts';

const limits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 100,
  diskBytes: 16 << 20,
  cpus: 1,
  openFiles: 256,
};
let trials = 0;

/** Starts a sandbox that only shows that it runs; resolves when nothing of it is left. @throws DaemonError where the daemon is away */
export async function tryContainer(docker: Docker, own: OwnContainers, plan: ContainerPlan): Promise<Finding> {
  const began = performance.now();
  const id = `trial${process.pid}x${++trials}`.padEnd(8, '0');
  try {
    const { result } = await startContainer(docker, { id, home: id, limits, orphanTimeoutSeconds: 5 }, plan);
    await removeContainer(own.of(id));
    const ms = Math.round(performance.now() - began);
    return trialFinding({ ...(result as { works: boolean; said: string }), ms }, plan.apparmor);
  } catch (error) {
    const { away, message } = asDaemonError(error as Error);
    if (away) throw error;
    return trialFinding({ works: false, said: message, ms: 0 }, plan.apparmor);
  }
}

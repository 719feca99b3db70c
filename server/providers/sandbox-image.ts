/** What the image of images/sandbox takes and promises, in a container as in a pod. */
import type { BoxSpecification } from './local/box.ts';
import type { SandboxRequest } from './provider.ts';

/** Paths in the image (images/sandbox/Dockerfile). */
export const imagePaths = { run: '/run/unicorn', kept: '/var/lib/unicorn', runtime: '/opt/unicorn' } as const;

/** Processes beside the learner's: the container's first, the keeper and its helpers, the agent. */
export const ownProcesses = 48;
/** Memory beside the sandbox's: the same, and the streams to the agent. */
export const ownMemory = 32 << 20;

/** The command that joins its standard streams to the agent. */
export const connectCommand = ['socat', '-t', '0', 'STDIO', `UNIX-CONNECT:${imagePaths.run}/box/agent.sock`];

/** `UNICORN_REQUEST`: the line that the container's first process gives to the box program. A trial leaves no home. */
export function boxRequest(request: SandboxRequest, method: 'create' | 'trial'): string {
  const params: BoxSpecification & { holdOutput: boolean } = {
    id: request.id,
    runFolder: `${imagePaths.run}/box`,
    runtime: imagePaths.runtime,
    homeFile: `${imagePaths.kept}/home.tar`,
    limits: request.limits,
    orphanTimeoutSeconds: request.orphanTimeoutSeconds,
    holdOutput: true,
  };
  return JSON.stringify({ id: 1, method, params });
}

import type Docker from 'dockerode';
import { connectTo } from '../../server/docker/connection.ts';
import { findEndpoint } from '../../server/docker/endpoint.ts';
import { ExecStream } from '../../server/docker/exec-stream.ts';
import { labels } from '../../server/providers/docker/container.ts';
import { ownerOf } from '../../server/providers/owner.ts';
import { family } from '../bench/processes.ts';
import { onMachine } from './machine.ts';
import type { Outside } from './outside.ts';

/** Runs a script in a container as its own user: who is out of the learner's world and out of the box. */
export async function inContainer(
  docker: Docker,
  container: string,
  script: string,
  user = '',
): Promise<{ status: number; said: string }> {
  const streams = { AttachStdout: true, AttachStderr: true };
  const command = { Cmd: ['bash', '-c', `exec 2>&1; ${script}`], ...streams, ...(user ? { User: user } : {}) };
  const exec = await docker.getContainer(container).exec(command);
  const stream = new ExecStream(await exec.start({ hijack: true, stdin: true }));
  stream.end();
  let said = '';
  for await (const chunk of stream) said += chunk;
  const { ExitCode } = await exec.inspect();
  return { status: ExitCode ?? -1, said: said.trim() };
}

/** Containers of a data folder's server, with trials. */
async function containersOf(docker: Docker, owner: string): Promise<Docker.ContainerInfo[]> {
  const filters = JSON.stringify({ label: [`${labels.owner}=${owner}`] });
  return docker.listContainers({ all: true, filters });
}

/** Sandboxes in containers. Their processes are seen from here only where the daemon is on this machine. */
export async function dockerOutside(data: string): Promise<Outside> {
  const docker = connectTo(findEndpoint());
  const owner = await ownerOf(data);
  const name = (id: string): string => `unicorn-${owner}-${id}`;
  return {
    sandboxes: async () => (await containersOf(docker, owner)).flatMap(({ Labels }) => Labels[labels.sandbox] ?? []),
    kill: async id => void (await docker.getContainer(name(id)).kill()),
    traces: async ids => [
      ...onMachine(ids),
      ...(await containersOf(docker, owner))
        .filter(({ Labels }) => ids.includes(Labels[labels.sandbox] ?? '') || !Labels[labels.sandbox])
        .map(({ Names, State }) => `container ${Names.join()} (${State})`),
    ],
    savedAt: async id => {
      const { said } = await inContainer(
        docker,
        name(id),
        'stat -c %.9Y /var/lib/unicorn/home.tar 2> /dev/null || echo 0',
      );
      return Number(said) * 1000;
    },
    processes: async id => {
      const { State } = await docker.getContainer(name(id)).inspect();
      return family(State.Pid);
    },
    homes: async () => {
      const filters = JSON.stringify({ label: [`${labels.owner}=${owner}`] });
      const { Volumes } = await docker.listVolumes({ filters });
      return Volumes.map(volume => volume.Labels[labels.home] ?? volume.Name);
    },
  };
}

/** Why a container ended, from what the daemon remembers of it. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { within } from '../../docker/daemon-error.ts';

export interface Death {
  /** The kernel ended something of it for its memory just before. */
  outOfMemory: boolean;
  /** The exit status of its first process; undefined where the daemon does not remember. */
  status: number | undefined;
}

interface DaemonEvent {
  status: string;
  timeNano: number;
  Actor: { Attributes: { exitCode?: string } };
}

const answerMs = 3_000;
/** An end so long after the kernel ended something for its memory has another cause. */
const relatedNs = 10e9;

/** What the daemon remembers of a container's end, by the container's name or id; it may be gone already. @throws DaemonError */
export async function deathOf(docker: Docker, container: string): Promise<Death> {
  const filters = JSON.stringify({ container: [container], event: ['oom', 'die'] });
  const stream = (await within('for its events', answerMs, abortSignal =>
    docker.getEvents({ since: 1, filters, abortSignal } as Docker.GetEventsOptions),
  )) as Readable;
  const timer = setTimeout(() => stream.destroy(), answerMs);
  try {
    return await readDeath(stream);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}

async function readDeath(stream: Readable): Promise<Death> {
  let outOfMemoryNs = Number.NEGATIVE_INFINITY;
  // The daemon going away in between is as good as not remembering.
  stream.on('error', () => {});
  for await (const line of createInterface({ input: stream })) {
    const { status, timeNano, Actor } = JSON.parse(line) as DaemonEvent;
    if (status === 'oom') outOfMemoryNs = timeNano;
    if (status === 'die')
      return { outOfMemory: timeNano - outOfMemoryNs < relatedNs, status: Number(Actor.Attributes.exitCode) };
  }
  return { outOfMemory: outOfMemoryNs > 0, status: undefined };
}

/** A death in words that follow "The sandbox ended:"; undefined where it tells nothing. */
export function wordsOf({ outOfMemory, status }: Death): string | undefined {
  if (outOfMemory) return 'its memory did not suffice';
  if (status === 137) return 'its container was killed';
  return undefined;
}

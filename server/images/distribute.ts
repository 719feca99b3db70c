/** Brings built images to where they are used, and removes those that newer ones replaced. */
import type Docker from 'dockerode';
import { credentialsFor } from '../docker/credentials.ts';
import { within } from '../docker/daemon-error.ts';
import { BaseError } from './base.ts';
import { type DaemonMessage, follow } from './build.ts';

const callMs = 30_000;

/** An image by its repository here and the revision of this checkout. */
export interface BuiltImage {
  repository: string;
  revision: string;
}

const nameOf = ({ repository, revision }: BuiltImage): string => `${repository}:${revision}`;

/**
 * Pushes an image as `DESTINATION/REPOSITORY:REVISION`, with what `docker login` noted for that registry.
 *
 * @param destination a registry and a path in it: `registry.example.org/team`
 * @returns the name under which it is there now
 * @throws BaseError where the registry refuses
 */
export async function pushImage(
  docker: Docker,
  image: BuiltImage,
  destination: string,
  tell: (line: string) => void,
): Promise<string> {
  const repo = `${destination.replace(/\/+$/, '')}/${image.repository}`;
  const name = `${repo}:${image.revision}`;
  const credentials = await credentialsFor(name);
  await within('to name an image', callMs, abortSignal =>
    docker.getImage(nameOf(image)).tag({ repo, tag: image.revision, abortSignal }),
  );
  const pushed = docker.getImage(name);
  // Without credentials too the daemon wants the header.
  const stream = await within('to push an image', callMs, abortSignal =>
    pushed.push({ authconfig: credentials ?? {}, abortSignal }),
  );
  const told = new Set<string>();
  const layer = ({ id, status }: DaemonMessage): void => {
    if (!id || !status || told.has(id + status) || !/^(Pushed|Layer already exists)$/.test(status)) return;
    told.add(id + status);
    tell(`${id}: ${status.toLowerCase()}`);
  };
  try {
    await follow(stream, layer);
  } catch (error) {
    const login = `docker login ${name.split('/')[0]}`;
    throw new BaseError(`${name} was not pushed: ${(error as Error).message}`, `may this user push there? ${login}`);
  } finally {
    await within('to forget a name', callMs, abortSignal => pushed.remove({ abortSignal } as object));
  }
  return name;
}

/** Removes images of other revisions, unless a container has them; answers their names. */
export async function pruneImages(docker: Docker, images: readonly BuiltImage[]): Promise<string[]> {
  const removed: string[] = [];
  for (const image of images) {
    const filters = JSON.stringify({ reference: [image.repository] });
    const found = await within('for images', callMs, abortSignal => docker.listImages({ filters, abortSignal }));
    const kept = new Set([nameOf(image), `${image.repository}:latest`]);
    const current = found.find(({ RepoTags }) => RepoTags?.includes(nameOf(image)))?.Id;
    for (const { Id, RepoTags } of found)
      for (const name of RepoTags ?? [])
        if (Id !== current && !kept.has(name) && (await removeUnused(docker, name))) removed.push(name);
  }
  return removed;
}

/** False where a container has it. */
async function removeUnused(docker: Docker, name: string): Promise<boolean> {
  try {
    await within('to remove an image', callMs, abortSignal => docker.getImage(name).remove({ abortSignal } as object));
    return true;
  } catch (error) {
    if ((error as { status?: number }).status === 409) return false;
    throw error;
  }
}

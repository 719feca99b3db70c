/** Builds images on a Docker daemon. */
import type Docker from 'dockerode';
import type { BuildContext } from './context.ts';
import type { Architecture } from './programs.ts';

/** The repository of the sandbox's image, where it is built and used on one machine. */
export const sandboxRepository = 'unicorn-sandbox';

/** Names of processors as Docker has them. */
export const platforms: Record<Architecture, string> = { x64: 'linux/amd64', arm64: 'linux/arm64' };

/** The processor of a daemon, as Node names it. @throws where there is no image for it */
export function architectureOf(name: string): Architecture {
  const found = ({ x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' } as const)[name];
  if (!found) throw new Error(`there is no image for ${name} machines, only for x86-64 and arm64`);
  return found;
}

export interface BuildOptions {
  /** `REPOSITORY:TAG`, one or more. */
  tags: string[];
  /** The image to build on; undefined: what the Dockerfile names. */
  base: string | undefined;
  /** undefined: the daemon's own. */
  platform?: string;
}

/** One message of a build or a pull, as the daemon sends them. */
export interface DaemonMessage {
  stream?: string;
  status?: string;
  id?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/**
 * Builds the context's Dockerfile.
 *
 * @param tell called with each line that the build says
 * @throws with the build's own last words
 */
export async function buildImage(
  docker: Docker,
  context: BuildContext,
  options: BuildOptions,
  tell: (line: string) => void,
): Promise<void> {
  const buildargs = { REVISION: context.revision, ...(options.base === undefined ? {} : { BASE: options.base }) };
  const stream = await docker.buildImage(context.archive() as NodeJS.ReadableStream, {
    t: options.tags[0]!,
    buildargs,
    rm: true,
    forcerm: true,
    ...(options.platform ? { platform: options.platform } : {}),
  });
  await follow(docker, stream, message => {
    for (const line of (message.stream ?? message.status ?? '').split('\n')) if (line.trim() !== '') tell(line);
  });
  for (const tag of options.tags.slice(1)) {
    const [, repo, version] = /^(.*):([^:/]+)$/.exec(tag) ?? [];
    await docker.getImage(options.tags[0]!).tag({ repo: repo!, tag: version! });
  }
}

/** Reads a daemon's messages to their end. @throws the error among them */
export async function follow(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  tell: (message: DaemonMessage) => void,
): Promise<void> {
  const said: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  docker.modem.followProgress(
    stream,
    (error: Error | null) => (error ? reject(withWords(error, said)) : resolve()),
    (message: DaemonMessage) => {
      if (message.stream) said.push(message.stream);
      if (said.length > 40) said.shift();
      if (!message.error) tell(message);
    },
  );
  await promise;
}

const withWords = (error: Error, said: string[]): Error =>
  new Error(`${error.message}\n${said.join('').trim().split('\n').slice(-8).join('\n')}`.trim());

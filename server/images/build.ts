/** Builds images on a Docker daemon. */
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { within } from '../docker/daemon-error.ts';
import type { BuildContext } from './context.ts';
import type { Architecture } from './programs.ts';

/** The repository of the sandbox's image, where it is built and used on one machine. */
export const sandboxRepository = 'unicorn-sandbox';
/** The same of the server's. */
export const serverRepository = 'unicorn-server';

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
  /** `none` where nothing is to be fetched. */
  network?: 'none';
}

/** The context has some 200 MB. */
const uploadMs = 10 * 60_000;

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
  const stream = await within('to build an image', uploadMs, abortSignal =>
    docker.buildImage(context.archive() as NodeJS.ReadableStream, {
      t: options.tags[0]!,
      buildargs,
      rm: true,
      forcerm: true,
      ...(options.platform ? { platform: options.platform } : {}),
      ...(options.network ? { networkmode: options.network } : {}),
      abortSignal,
    }),
  );
  await follow(stream, message => {
    for (const line of (message.stream ?? message.status ?? '').split('\n')) if (line.trim() !== '') tell(line);
  });
  for (const tag of options.tags.slice(1)) {
    const [, repo, version] = /^(.*):([^:/]+)$/.exec(tag) ?? [];
    await within('to name an image', 30_000, abortSignal =>
      docker.getImage(options.tags[0]!).tag({ repo: repo!, tag: version!, abortSignal }),
    );
  }
}

/** A build or a pull that says nothing for so long is taken for dead. */
const silentMs = 10 * 60_000;

/** Reads a daemon's messages to their end. @throws the error among them, with what was said before it */
export async function follow(stream: NodeJS.ReadableStream, tell: (message: DaemonMessage) => void): Promise<void> {
  const said: string[] = [];
  const silence = setTimeout(() => (stream as Readable).destroy(new Error('the daemon says nothing more')), silentMs);
  let rest = '';
  try {
    for await (const chunk of stream) {
      silence.refresh();
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter(text => text.trim() !== '')) take(JSON.parse(line) as DaemonMessage, said, tell);
    }
  } finally {
    clearTimeout(silence);
  }
}

function take(message: DaemonMessage, said: string[], tell: (message: DaemonMessage) => void): void {
  if (message.error)
    throw new Error(`${message.error}\n${said.join('').trim().split('\n').slice(-8).join('\n')}`.trim());
  if (message.stream) said.push(message.stream);
  if (said.length > 40) said.shift();
  tell(message);
}

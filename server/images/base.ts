/** A base image made on this machine, for where no image registry can be reached: by debootstrap, from Debian's packages alone. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { follow } from './build.ts';

const run = promisify(execFile);
const bootstrapMs = 15 * 60_000;
/** The release that the Dockerfile's own base has. */
const release = 'trixie';
/** What a base of a few programs need not carry. */
const ballast = ['var/cache/apt', 'var/lib/apt/lists', 'var/log', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'];

/** The name of a base with these packages. */
export const localBase = 'unicorn-base:local';

export class BaseError extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * Makes `localBase` with the packages in it. Needs root and debootstrap, and takes a minute; later the archive of the first time is used.
 *
 * @param cache folder for the archive, whose name tells its content
 * @throws BaseError
 */
export async function makeLocalBase(
  docker: Docker,
  { packages, cache }: { packages: string[]; cache: string },
  tell: (line: string) => void,
): Promise<void> {
  const content = createHash('sha256').update(JSON.stringify([release, ballast, packages]));
  const archive = join(cache, `base-${content.digest('hex').slice(0, 12)}.tar`);
  if (!existsSync(archive)) await makeArchive(archive, packages, tell);
  tell('Importing the base');
  const [repo, tag] = localBase.split(':');
  await follow(await docker.importImage(createReadStream(archive), { repo, tag }), () => {});
}

async function makeArchive(archive: string, packages: string[], tell: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) throw new BaseError('only root can make a base image here', 'run it by sudo');
  await run('debootstrap', ['--version']).catch(() => {
    throw new BaseError('debootstrap is not installed', 'apt-get install -y debootstrap');
  });
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-base-'));
  try {
    tell(`Fetching Debian ${release}`);
    await bootstrap(folder, packages);
    for (const name of ballast) await rm(join(folder, name), { recursive: true, force: true });
    await mkdir(dirname(archive), { recursive: true });
    await run('tar', ['-C', folder, '--numeric-owner', '-cf', `${archive}.${process.pid}`, '.']);
    await rename(`${archive}.${process.pid}`, archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bootstrap(folder: string, packages: string[]): Promise<void> {
  const args = ['--variant=minbase', `--include=${packages.join(',')}`, release, folder];
  await run('debootstrap', args, { maxBuffer: 1 << 26, timeout: bootstrapMs }).catch(error => {
    const { stdout, message } = error as { stdout?: string; message: string };
    throw new BaseError(
      `debootstrap failed: ${lastLines(stdout) || message}`,
      'look whether the packages of Debian are reached from here',
    );
  });
}

const lastLines = (text = ''): string => text.trim().split('\n').slice(-3).join(' | ');

/** A base image made on this machine, for where no image registry can be reached: by debootstrap, from Debian's packages alone. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { follow } from './build.ts';

const run = promisify(execFile);
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
 * Makes `localBase` with the packages in it. Takes about a minute. Needs root and debootstrap.
 *
 * @throws BaseError
 */
export async function makeLocalBase(docker: Docker, packages: string[], tell: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) throw new BaseError('only root can make a base image here', 'run it by sudo');
  await run('debootstrap', ['--version']).catch(() => {
    throw new BaseError('debootstrap is not installed', 'apt-get install -y debootstrap');
  });
  const folder = await mkdtemp(join(tmpdir(), 'unicorn-base-'));
  try {
    tell(`Fetching Debian ${release}`);
    const include = `--include=${packages.join(',')}`;
    await run('debootstrap', ['--variant=minbase', include, release, folder], { maxBuffer: 1 << 26 }).catch(error => {
      throw new BaseError(
        `debootstrap failed: ${lastLines((error as { stdout: string }).stdout)}`,
        'look at the line before',
      );
    });
    for (const name of ballast) await rm(join(folder, name), { recursive: true, force: true });
    tell('Importing it');
    await importFolder(docker, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const lastLines = (text = ''): string => text.trim().split('\n').slice(-3).join(' | ');

async function importFolder(docker: Docker, folder: string): Promise<void> {
  const tar = spawn('tar', ['-C', folder, '--numeric-owner', '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [repo, tag] = localBase.split(':');
  const stream = await docker.importImage(tar.stdout, { repo, tag });
  await follow(stream, () => {});
}

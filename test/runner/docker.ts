/** The Docker daemon that the tests run on: brought up when a test first needs it, with the image of the sandboxes. */
import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { localBase, makeLocalBase } from '../../server/images/base.ts';
import { architectureOf, buildImage, sandboxRepository } from '../../server/images/build.ts';
import { sandboxContext, toolPackages } from '../../server/images/context.ts';
import { hasImage } from '../../server/providers/docker/image.ts';
import { clientOf, TestDaemon } from '../docker/daemon.ts';

/** Variables for tests on Docker. */
export type DockerEnvironment = Record<'DOCKER_HOST' | 'UNICORN_IMAGE', string> & {
  /** The folder of the daemon, where it is the tests' own and may be restarted. */
  UNICORN_TEST_DOCKERD?: string;
};

const run = promisify(execFile);
const installMs = 10 * 60_000;
const cache = (): string =>
  process.env.UNICORN_TEST_CACHE ?? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'unicorn-tests');

/** What tests need is not to be had here, for that reason: they are skipped. */
export class NotHere extends Error {}

export class NoDocker extends NotHere {}

export class DockerForTests {
  readonly #folder: string;
  #daemon: TestDaemon | undefined;
  #environment: Promise<DockerEnvironment> | undefined;

  /** @param folder where a daemon of the tests' own is put */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws NoDocker; else what is wrong with the image of this checkout */
  get(): Promise<DockerEnvironment> {
    this.#environment ??= this.#bringUp();
    return this.#environment;
  }

  async stop(): Promise<void> {
    await this.#daemon?.remove();
  }

  /** DOCKER_HOST's daemon where that is set; else, as root, one of the tests' own; else the one of the default socket. */
  async #bringUp(): Promise<DockerEnvironment> {
    const given = process.env.DOCKER_HOST;
    if (given) return { DOCKER_HOST: given, UNICORN_IMAGE: await ensureImage(given) };
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      const host = 'unix:///var/run/docker.sock';
      return { DOCKER_HOST: host, UNICORN_IMAGE: await ensureImage(host) };
    }
    await install().catch(noDocker);
    this.#daemon = new TestDaemon(this.#folder);
    await this.#daemon.start().catch(noDocker);
    const { host } = this.#daemon;
    return { DOCKER_HOST: host, UNICORN_IMAGE: await ensureImage(host), UNICORN_TEST_DOCKERD: this.#folder };
  }
}

function noDocker(error: Error): never {
  throw new NoDocker(`no Docker here: ${error.message.trim().split('\n').at(-1)}`);
}

/** Docker and debootstrap by Debian's packages, where they are missing. */
async function install(): Promise<void> {
  const missing: string[] = [];
  if ((await TestDaemon.version()) === undefined) missing.push('docker.io');
  await run('debootstrap', ['--version']).catch(() => missing.push('debootstrap'));
  if (missing.length === 0) return;
  const command = ['install', '-y', '-qq', '--no-install-recommends', ...missing];
  const options = { timeout: installMs, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await run('apt-get', command, options).catch(async () => {
    await run('apt-get', ['update', '-qq'], options);
    await run('apt-get', command, options);
  });
}

/** The image of this checkout, without any image registry. */
async function ensureImage(host: string): Promise<string> {
  const docker = clientOf(host);
  const { Architecture } = (await docker.info().catch(noDocker)) as { Architecture: string };
  const context = await sandboxContext(architectureOf(Architecture));
  const name = `${sandboxRepository}:${context.revision}`;
  if (await hasImage(docker, name)) return name;
  await makeLocalBase(docker, { packages: await toolPackages(), cache: cache() }, () => {}).catch(noDocker);
  await buildImage(docker, context, { tags: [name], base: localBase, network: 'none' }, () => {});
  return name;
}

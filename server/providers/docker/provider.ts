/** Sandboxes in containers of a Docker daemon, one a learner, reached by the streams of `exec`: no port, no network. */
import { setTimeout as delay } from 'node:timers/promises';
import { asDaemonError, DaemonError } from '../../docker/daemon-error.ts';
import { ownerOf } from '../owner.ts';
import {
  type Finding,
  type Provider,
  ProviderError,
  type ProviderReport,
  type Sandbox,
  type SandboxRequest,
  type TellProgress,
} from '../provider.ts';
import type { ContainerPlan } from './container.ts';
import { daemonFindings, imageFinding, unreachable } from './doctor.ts';
import type { OwnContainers } from './own-containers.ts';
import { Preparation } from './preparation.ts';
import { removeContainer, startContainer } from './start.ts';
import { tryContainer } from './trial.ts';

export interface DockerProviderOptions {
  /** The data folder: its sandboxes are told apart from others' by it. */
  data: string;
  /** The image; undefined: the one of this checkout, built when it is missing. */
  image?: string;
  /** Tells them apart where servers share a store, instead of the data folder. */
  owner?: string | null;
}

/** How long a daemon that was there is waited for: a restart of it takes some seconds. */
const awayMs = 30_000;
const awayEveryMs = 500;
const validName = /^[a-z0-9]{8,40}$/;
const leastMemory = 64 << 20;

export class DockerProvider implements Provider {
  readonly name = 'docker';
  readonly #preparation: Preparation;
  #report: Promise<ProviderReport> | undefined;
  /** Sandboxes that are being made. */
  readonly #making = new Set<string>();

  constructor({ data, image, owner = null }: DockerProviderOptions) {
    this.#preparation = new Preparation(async () => owner ?? ownerOf(data), image);
  }

  async probe(progress: TellProgress = () => {}): Promise<ProviderReport> {
    const report = this.#probe(progress);
    this.#report = report;
    return report;
  }

  async #probe(progress: TellProgress): Promise<ProviderReport> {
    const facts: Finding[] = [];
    try {
      const info = await this.#preparation.info();
      facts.push(...daemonFindings(info, this.#preparation.endpoint));
      if (facts[0]?.state === 'missing') return this.#conclude(facts, 0);
      const { image, apparmor } = await this.#preparation.ready(progress);
      facts.push(imageFinding(image), ...(apparmor.finding ? [apparmor.finding] : []));
      const own = await this.#preparation.containers();
      facts.push(await tryContainer(this.#preparation.docker, own, await this.#plan(own, 'trial')));
      return this.#conclude(facts, Math.max(1, Math.floor((info.MemTotal * 0.75) / leastMemory)));
    } catch (error) {
      return this.#conclude([...facts, findingOf(error as Error, facts.length > 0)], 0);
    }
  }

  #conclude(findings: Finding[], maximumSandboxes: number): ProviderReport {
    const usable = findings.every(({ state }) => state !== 'missing');
    return { provider: this.name, usable, maximumSandboxes: usable ? maximumSandboxes : 0, findings };
  }

  async #plan(
    { owner }: OwnContainers,
    method: ContainerPlan['method'],
    progress: TellProgress = () => {},
  ): Promise<ContainerPlan> {
    const { image, seccomp, apparmor } = await this.#preparation.ready(progress);
    return { owner, image, seccomp, apparmor: apparmor.profile, method };
  }

  async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    const { id, home } = request;
    for (const name of [id, home]) checkName(name, 'a sandbox');
    if (this.#making.has(id)) throw new ProviderError('failed', `there is a sandbox ${id} already`);
    this.#making.add(id);
    try {
      progress('Looking for a place');
      await this.#admit(progress);
      const own = await this.#preparation.containers();
      await this.#create(own, request, progress);
      return this.#sandbox(own, id, home);
    } catch (error) {
      throw providerError(error as Error, 'the sandbox did not start: ');
    } finally {
      this.#making.delete(id);
    }
  }

  /** @throws ProviderError where no sandbox can be made */
  async #admit(progress: TellProgress): Promise<void> {
    const known = await this.#preparation.heard(progress, async () => this.#report);
    const report = known?.usable ? known : await this.probe(progress);
    const problem = report.findings.find(({ state }) => state === 'missing');
    if (problem) throw new ProviderError('unusable', problem.detail, problem.remedy);
  }

  async #create(own: OwnContainers, request: SandboxRequest, progress: TellProgress): Promise<void> {
    let again = false;
    await whileAway(progress, async () => {
      // What was asked before the daemon went may have been done.
      if (again) await removeContainer(own.of(request.id));
      again = true;
      progress('Starting a container');
      await this.#start(own, request, progress);
    });
  }

  /** Starts a container; the image is made ready anew should somebody have removed it. On a failure a home that was not there before is not left. */
  async #start(own: OwnContainers, request: SandboxRequest, progress: TellProgress): Promise<void> {
    const fresh = !(await own.hasHome(request.home));
    const start = async () =>
      startContainer(this.#preparation.docker, request, await this.#plan(own, 'create', progress));
    try {
      await start().catch(error => {
        if (!isImageMissing(error)) throw error;
        this.#preparation.forget();
        return start();
      });
    } catch (error) {
      if (fresh && !asDaemonError(error as Error).away) await own.removeHome(request.home);
      throw error;
    }
  }

  async find(): Promise<Sandbox[]> {
    const own = await this.#preparation.containers();
    const found = await own.living().catch(rethrown);
    return found.map(({ id, home }) => this.#sandbox(own, id, home));
  }

  async reach(abortSignal: AbortSignal): Promise<void> {
    // The library's types know of no options here, the library does.
    const docker = this.#preparation.docker as unknown as { ping(options: object): Promise<unknown> };
    await docker.ping({ abortSignal }).catch(rethrown);
  }

  async sweep(): Promise<void> {
    const own = await this.#preparation.containers();
    await own.sweep(this.#making).catch(rethrown);
  }

  async removeHome(home: string): Promise<void> {
    checkName(home, 'a home');
    const own = await this.#preparation.containers();
    await own.removeHome(home).catch(rethrown);
  }

  #sandbox(own: OwnContainers, id: string, home: string): Sandbox {
    return {
      id,
      home,
      connect: () => own.connect(id).catch(error => rethrown(error, 'the sandbox is gone: ')),
      end: () =>
        whileAway(
          () => {},
          () => own.end(id),
        ).catch(rethrown),
      fate: () => own.fate(id),
    };
  }
}

/** Does it again while the daemon is away, for a while. @throws what it throws at last */
async function whileAway(progress: TellProgress, work: () => Promise<void>): Promise<void> {
  const giveUpMs = Date.now() + awayMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DaemonError && error.away) || Date.now() > giveUpMs) throw error;
      progress('Waiting for the Docker daemon');
      await delay(awayEveryMs);
    }
  }
}

function checkName(name: string, of: string): void {
  if (!validName.test(name)) throw new ProviderError('failed', `${JSON.stringify(name)} is no name of ${of}`);
}

const isImageMissing = (error: Error): boolean =>
  error instanceof DaemonError && error.status === 404 && /no such image/i.test(error.message);

function rethrown(error: Error, prefix?: string): never {
  throw providerError(error, prefix);
}

/** An error of the daemon in words for the learner. */
function providerError(error: Error, prefix = ''): ProviderError {
  if (error instanceof ProviderError) return error;
  const { away, message } = asDaemonError(error);
  return away
    ? new ProviderError('unreachable', message, unreachable(error).remedy)
    : new ProviderError('failed', message.startsWith(prefix) ? message : `${prefix}${message}`);
}

/** What stopped the probe: the daemon, or later its image. */
function findingOf(error: Error, daemonAnswered: boolean): Finding {
  if (!daemonAnswered) return unreachable(error);
  const remedy = error instanceof ProviderError && error.remedy ? { remedy: error.remedy } : {};
  return { subject: 'image', state: 'missing', detail: error.message, ...remedy };
}

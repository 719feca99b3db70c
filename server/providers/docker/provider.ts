/** Sandboxes in containers of a Docker daemon, one a learner, reached by the streams of `exec`: no port, no network. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { asDaemonError, DaemonError, isGone, within } from '../../docker/daemon-error.ts';
import { ExecStream } from '../../docker/exec-stream.ts';
import {
  type Finding,
  type Provider,
  ProviderError,
  type ProviderReport,
  type Sandbox,
  type SandboxLimits,
  type SandboxRequest,
  type TellProgress,
} from '../provider.ts';
import { connectCommand } from '../sandbox-image.ts';
import { type ContainerPlan, containerName, labels, volumeName } from './container.ts';
import { daemonFindings, imageFinding, trialFinding, unreachable } from './doctor.ts';
import { deathOf, wordsOf } from './fate.ts';
import { Preparation } from './preparation.ts';
import { callMs, removeContainer, removed, startContainer } from './start.ts';

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
/** The home is saved then; the daemon kills after 15 s. */
const endMs = 40_000;
/** How long a volume may be in use by a container that is on its way out. */
const inUseMs = 10_000;
const validName = /^[a-z0-9]{8,40}$/;
const leastMemory = 64 << 20;
const trialLimits: SandboxLimits = {
  memoryBytes: 256 << 20,
  processes: 100,
  diskBytes: 16 << 20,
  cpus: 1,
  openFiles: 256,
};

/** By it a server knows its own containers and volumes. */
const ownerOf = (data: string): string => createHash('sha256').update(resolve(data)).digest('hex').slice(0, 12);

export class DockerProvider implements Provider {
  readonly name = 'docker';
  readonly #owner: string;
  readonly #preparation: Preparation;
  #report: Promise<ProviderReport> | undefined;
  #trials = 0;
  /** Names of containers that are being made. */
  readonly #making = new Set<string>();

  constructor({ data, image, owner }: DockerProviderOptions) {
    this.#owner = owner ?? ownerOf(data);
    this.#preparation = new Preparation(image);
  }

  /** @throws DockerContextError */
  get #docker(): Docker {
    return this.#preparation.docker;
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
      facts.push(imageFinding(image), ...(apparmor.finding ? [apparmor.finding] : []), await this.#trial());
      return this.#conclude(facts, Math.max(1, Math.floor((info.MemTotal * 0.75) / leastMemory)));
    } catch (error) {
      return this.#conclude([...facts, findingOf(error as Error, facts.length > 0)], 0);
    }
  }

  #conclude(findings: Finding[], maximumSandboxes: number): ProviderReport {
    const usable = findings.every(({ state }) => state !== 'missing');
    return { provider: this.name, usable, maximumSandboxes: usable ? maximumSandboxes : 0, findings };
  }

  async #trial(): Promise<Finding> {
    const started = performance.now();
    const id = `trial${process.pid}x${++this.#trials}`.padEnd(8, '0');
    const request = { id, home: id, limits: trialLimits, orphanTimeoutSeconds: 5 };
    const plan = await this.#plan('trial');
    const container = this.#docker.getContainer(containerName(this.#owner, id));
    const said = (answer: { works: boolean; said: string }) =>
      trialFinding({ ...answer, ms: Math.round(performance.now() - started) }, plan.apparmor);
    try {
      const { result } = await startContainer(this.#docker, request, plan);
      await removed(container, endMs);
      return said(result as { works: boolean; said: string });
    } catch (error) {
      const { away, message } = asDaemonError(error as Error);
      if (away) throw error;
      return said({ works: false, said: message });
    }
  }

  async #plan(method: ContainerPlan['method'], progress: TellProgress = () => {}): Promise<ContainerPlan> {
    const { image, seccomp, apparmor } = await this.#preparation.ready(progress);
    return { owner: this.#owner, image, seccomp, apparmor: apparmor.profile, method };
  }

  async create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    for (const name of [request.id, request.home])
      if (!validName.test(name)) throw new ProviderError('failed', `${JSON.stringify(name)} is no name of a sandbox`);
    const name = containerName(this.#owner, request.id);
    if (this.#making.has(name)) throw new ProviderError('failed', `there is a sandbox ${request.id} already`);
    this.#making.add(name);
    try {
      progress('Looking for a place');
      await this.#admit(progress);
      return await this.#create(request, progress);
    } catch (error) {
      throw providerError(error as Error, 'the sandbox did not start: ');
    } finally {
      this.#making.delete(name);
    }
  }

  /** @throws ProviderError where no sandbox can be made */
  async #admit(progress: TellProgress): Promise<void> {
    const known = await this.#preparation.heard(progress, async () => this.#report);
    const report = known?.usable ? known : await this.probe(progress);
    const problem = report.findings.find(({ state }) => state === 'missing');
    if (problem) throw new ProviderError('unusable', problem.detail, problem.remedy);
  }

  async #create(request: SandboxRequest, progress: TellProgress): Promise<Sandbox> {
    const sandbox = this.#sandbox(request.id, request.home);
    let again = false;
    await this.#whileAway(progress, async () => {
      // What was asked before the daemon went may have been done.
      if (again) await removeContainer(this.#docker.getContainer(containerName(this.#owner, request.id)));
      again = true;
      progress('Starting a container');
      await this.#start(request, progress);
    });
    return sandbox;
  }

  /** Starts a container; the image is made ready anew should somebody have removed it. On a failure a home that was not there before is not left. */
  async #start(request: SandboxRequest, progress: TellProgress): Promise<void> {
    const fresh = !(await this.#hasVolume(request.home));
    const start = async () => startContainer(this.#docker, request, await this.#plan('create', progress));
    try {
      await start().catch(error => {
        if (!isImageMissing(error)) throw error;
        this.#preparation.forget();
        return start();
      });
    } catch (error) {
      if (fresh && !asDaemonError(error as Error).away) await this.removeHome(request.home);
      throw error;
    }
  }

  async #hasVolume(home: string): Promise<boolean> {
    try {
      const volume = this.#docker.getVolume(volumeName(this.#owner, home));
      await within('for a volume', callMs, abortSignal => volume.inspect({ abortSignal }));
      return true;
    } catch (error) {
      if ((error as DaemonError).status === 404) return false;
      throw error;
    }
  }

  /** Does it again while the daemon is away, for a while. @throws what it throws at last */
  async #whileAway<T>(progress: TellProgress, work: () => Promise<T>): Promise<T> {
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

  async find(): Promise<Sandbox[]> {
    const found = await this.#list({ label: [...this.#own, labels.sandbox], status: ['running'] });
    return found.map(({ Labels }) => this.#sandbox(Labels[labels.sandbox]!, Labels[labels.home]!));
  }

  get #own(): string[] {
    return [`${labels.owner}=${this.#owner}`];
  }

  async #list(filters: Record<string, string[]>): Promise<Docker.ContainerInfo[]> {
    try {
      return await within('for its containers', callMs, abortSignal =>
        this.#docker.listContainers({ all: true, filters: JSON.stringify(filters), abortSignal }),
      );
    } catch (error) {
      throw providerError(error as Error);
    }
  }

  async sweep(): Promise<void> {
    const found = await this.#list({ label: this.#own, status: ['created', 'exited', 'dead'] });
    const dead = found.filter(({ Names }) => !Names.some(name => this.#making.has(name.slice(1))));
    await Promise.all(dead.map(({ Id }) => removeContainer(this.#docker.getContainer(Id))));
  }

  async removeHome(home: string): Promise<void> {
    if (!validName.test(home)) throw new ProviderError('failed', `${JSON.stringify(home)} is no name of a home`);
    const volume = this.#docker.getVolume(volumeName(this.#owner, home));
    const giveUpMs = Date.now() + inUseMs;
    for (;;) {
      try {
        return void (await within('to remove a home', callMs, abortSignal => volume.remove({ abortSignal })));
      } catch (error) {
        const { status } = asDaemonError(error as Error);
        if (status === 404) return;
        if (status !== 409 || Date.now() > giveUpMs) throw providerError(error as Error);
        await delay(awayEveryMs / 5);
      }
    }
  }

  #sandbox(id: string, home: string): Sandbox {
    const name = containerName(this.#owner, id);
    const container = () => this.#docker.getContainer(name);
    return {
      id,
      home,
      connect: () => this.#connect(container()),
      end: () =>
        this.#whileAway(
          () => {},
          () => this.#end(container()),
        ),
      fate: async () => wordsOf(await deathOf(this.#docker, name)),
    };
  }

  async #connect(container: Docker.Container): Promise<Duplex> {
    const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false };
    try {
      const exec = await within('to reach a sandbox', callMs, abortSignal =>
        container.exec({ Cmd: connectCommand, ...streams, abortSignal }),
      );
      const stream = await within('to reach a sandbox', callMs, abortSignal =>
        exec.start({ hijack: true, stdin: true, abortSignal }),
      );
      return new ExecStream(stream);
    } catch (error) {
      throw providerError(error as Error, 'the sandbox is gone: ');
    }
  }

  /** Stops it, which saves the home; the daemon removes it then. */
  async #end(container: Docker.Container): Promise<void> {
    const gone = removed(container, endMs);
    gone.catch(() => {});
    try {
      await within('to end a sandbox', endMs, abortSignal => container.stop({ abortSignal }));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await gone;
  }
}

const isImageMissing = (error: Error): boolean =>
  error instanceof DaemonError && error.status === 404 && /no such image/i.test(error.message);

/** An error of the daemon in words for the learner. */
function providerError(error: Error, prefix = ''): ProviderError {
  if (error instanceof ProviderError) return error;
  const { away, message } = asDaemonError(error);
  return away
    ? new ProviderError('unreachable', message, unreachable(error).remedy)
    : new ProviderError('failed', `${prefix}${message}`);
}

/** What stopped the probe: the daemon, or later its image. */
function findingOf(error: Error, daemonAnswered: boolean): Finding {
  if (!daemonAnswered) return unreachable(error);
  const remedy = error instanceof ProviderError && error.remedy ? { remedy: error.remedy } : {};
  return { subject: 'image', state: 'missing', detail: error.message, ...remedy };
}

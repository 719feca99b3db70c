/** Sandboxes in containers of a Docker daemon, one a learner, reached by the streams of `exec`: no port, no network. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { connectTo } from '../../docker/connection.ts';
import { findEndpoint } from '../../docker/endpoint.ts';
import { ExecStream } from '../../docker/exec-stream.ts';
import {
  type Provider,
  ProviderError,
  type ProviderReport,
  type Sandbox,
  type SandboxLimits,
  type SandboxRequest,
} from '../provider.ts';
import { connectCommand } from '../sandbox-image.ts';
import { type ContainerPlan, containerName, containerOptions, labels, volumeName } from './container.ts';
import { apparmorProfile, daemonFindings, daemonInfo, imageFinding, unreachable } from './doctor.ts';
import { ensureImage } from './image.ts';
import { type Answer, firstAnswer } from './output.ts';

export interface DockerProviderOptions {
  /** The data folder: its sandboxes are told apart from others' by it. */
  data: string;
  /** The image; undefined: the one of this checkout, built when it is missing. */
  image?: string;
}

const startMs = 60_000;
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

const isGone = (error: unknown): boolean =>
  [304, 404, 409].includes((error as { statusCode?: number }).statusCode ?? 0);

export class DockerProvider implements Provider {
  readonly name = 'docker';
  readonly #owner: string;
  readonly #wanted: string | undefined;
  #client: Docker | undefined;
  #report: Promise<ProviderReport> | undefined;
  #plan: Promise<Omit<ContainerPlan, 'method'>> | undefined;
  /** Told while the image is being made ready. */
  #told = new Set<(step: string) => void>();
  #trials = 0;

  constructor({ data, image }: DockerProviderOptions) {
    this.#owner = ownerOf(data);
    this.#wanted = image;
  }

  /** @throws DockerContextError */
  get #docker(): Docker {
    this.#client ??= connectTo(findEndpoint());
    return this.#client;
  }

  async probe(): Promise<ProviderReport> {
    const report = this.#probe().catch((error: Error) => this.#conclude([unreachable(error)], 0));
    this.#report = report;
    return report;
  }

  async #probe(): Promise<ProviderReport> {
    const endpoint = findEndpoint();
    const info = await daemonInfo(this.#docker);
    const facts = daemonFindings(info, endpoint);
    if (facts.some(({ state }) => state === 'missing')) return this.#conclude(facts, 0);
    try {
      const { image } = await this.#prepared();
      const room = Math.max(1, Math.floor((info.MemTotal * 0.75) / leastMemory));
      return this.#conclude([...facts, imageFinding(image), await this.#trial()], room);
    } catch (error) {
      const remedy = error instanceof ProviderError && error.remedy ? { remedy: error.remedy } : {};
      return this.#conclude(
        [...facts, { subject: 'image', state: 'missing', detail: (error as Error).message, ...remedy }],
        0,
      );
    }
  }

  #conclude(findings: ProviderReport['findings'], maximumSandboxes: number): ProviderReport {
    const usable = findings.every(({ state }) => state !== 'missing');
    return { provider: this.name, usable, maximumSandboxes: usable ? maximumSandboxes : 0, findings };
  }

  /** The image and profiles, made ready once; a failure is tried again. */
  #prepared(): Promise<Omit<ContainerPlan, 'method'>> {
    this.#plan ??= this.#prepare().catch(error => {
      this.#plan = undefined;
      throw error;
    });
    return this.#plan;
  }

  async #prepare(): Promise<Omit<ContainerPlan, 'method'>> {
    const tell = (step: string): void => {
      for (const told of this.#told) told(step);
    };
    const [image, seccomp, apparmor] = await Promise.all([
      ensureImage(this.#docker, this.#wanted, tell),
      readFile(join(import.meta.dirname, '../../../images/dist/seccomp.json'), 'utf8'),
      apparmorProfile(this.#docker),
    ]);
    return { owner: this.#owner, image, seccomp, apparmor };
  }

  async #trial(): Promise<ProviderReport['findings'][number]> {
    const started = performance.now();
    const id = `trial${process.pid}x${++this.#trials}`.padEnd(8, '0');
    const request = { id, home: id, limits: trialLimits, orphanTimeoutSeconds: 5 };
    const answer = await this.#start(request, { ...(await this.#prepared()), method: 'trial' });
    const { works, said } = (answer.result ?? { works: false, said: answer.error }) as { works: boolean; said: string };
    const subject = 'trial';
    if (works)
      return {
        subject,
        state: 'works',
        detail: `a sandbox ran and was removed in ${Math.round(performance.now() - started)} ms`,
      };
    return { subject, state: 'missing', detail: `a sandbox does not run in a container here: ${said}` };
  }

  async create(request: SandboxRequest, progress: (step: string) => void): Promise<Sandbox> {
    for (const name of [request.id, request.home])
      if (!validName.test(name)) throw new ProviderError('failed', `${JSON.stringify(name)} is no name of a sandbox`);
    this.#told.add(progress);
    try {
      progress('Looking for a place');
      const report = (await this.#report)?.usable ? await this.#report : await this.probe();
      const problem = report?.findings.find(({ state }) => state === 'missing');
      if (problem) throw new ProviderError('unusable', problem.detail, problem.remedy);
      progress('Starting a container');
      const answer = await this.#start(request, { ...(await this.#prepared()), method: 'create' });
      if (answer.error !== undefined) throw new ProviderError('failed', `the sandbox did not start: ${answer.error}`);
      return this.#sandbox(request.id, request.home);
    } catch (error) {
      throw error instanceof ProviderError ? error : new ProviderError('failed', (error as Error).message);
    } finally {
      this.#told.delete(progress);
    }
  }

  /** Starts a container and waits for the box program's answer; on a failure the container is gone. */
  async #start(request: SandboxRequest, plan: ContainerPlan): Promise<Answer> {
    const container = await this.#docker.createContainer(containerOptions(request, plan));
    try {
      const output = await container.attach({ stream: true, stdout: true, stderr: true });
      await container.start();
      const answer = await firstAnswer(output, AbortSignal.timeout(startMs));
      if (answer.error !== undefined) await this.#remove(container);
      return answer;
    } catch (error) {
      await this.#remove(container);
      throw error;
    }
  }

  async #remove(container: Docker.Container): Promise<void> {
    await container.remove({ force: true }).catch(error => {
      if (!isGone(error)) throw error;
    });
  }

  async find(): Promise<Sandbox[]> {
    const found = await this.#docker.listContainers({ filters: this.#ours('running') });
    return found.map(({ Labels }) => this.#sandbox(Labels[labels.sandbox]!, Labels[labels.home]!));
  }

  /** Filters for what carries this data folder's label. */
  #ours(...status: string[]): string {
    return JSON.stringify({ label: [`${labels.owner}=${this.#owner}`], ...(status.length > 0 ? { status } : {}) });
  }

  async sweep(): Promise<void> {
    const dead = await this.#docker.listContainers({ all: true, filters: this.#ours('created', 'exited', 'dead') });
    await Promise.all(dead.map(({ Id }) => this.#remove(this.#docker.getContainer(Id))));
  }

  async removeHome(home: string): Promise<void> {
    if (!validName.test(home)) throw new ProviderError('failed', `${JSON.stringify(home)} is no name of a home`);
    await this.#docker
      .getVolume(volumeName(this.#owner, home))
      .remove()
      .catch(error => {
        if (!isGone(error)) throw error;
      });
  }

  #sandbox(id: string, home: string): Sandbox {
    const container = this.#docker.getContainer(containerName(this.#owner, id));
    return { id, home, connect: () => this.#connect(container), end: () => this.#end(container) };
  }

  async #connect(container: Docker.Container): Promise<Duplex> {
    try {
      const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
      const exec = await container.exec({ Cmd: connectCommand, ...streams, Tty: false });
      return new ExecStream((await exec.start({ hijack: true, stdin: true })) as Duplex);
    } catch (error) {
      throw new ProviderError('failed', `the sandbox is gone: ${(error as Error).message}`);
    }
  }

  /** Stops it, which saves the home; the daemon removes it then. */
  async #end(container: Docker.Container): Promise<void> {
    try {
      const removed = container.wait({ condition: 'removed' });
      removed.catch(() => {});
      await container.stop();
      await removed;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

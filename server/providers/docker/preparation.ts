/** What is made ready once on a daemon before the first sandbox: the client, the image, the profiles. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { connectTo } from '../../docker/connection.ts';
import { type DockerEndpoint, findEndpoint } from '../../docker/endpoint.ts';
import type { TellProgress } from '../provider.ts';
import { type Apparmor, prepareApparmor } from './apparmor.ts';
import { type DaemonInfo, daemonInfo } from './doctor.ts';
import { ensureImage } from './image.ts';
import { OwnContainers } from './own-containers.ts';

export interface Prepared {
  image: string;
  /** The text of a seccomp profile. */
  seccomp: string;
  apparmor: Apparmor;
}

const seccompFile = join(import.meta.dirname, '../../../images/dist/seccomp.json');

/** Makes it ready when it is first asked for; all who ask meanwhile are told how far it is. A failure is tried again. */
export class Preparation {
  readonly #owner: () => Promise<string>;
  #containers: Promise<OwnContainers> | undefined;
  readonly #wanted: string | undefined;
  #endpoint: DockerEndpoint | undefined;
  #client: Docker | undefined;
  #prepared: Promise<Prepared> | undefined;
  readonly #listeners = new Set<TellProgress>();
  #told: Parameters<TellProgress> | undefined;

  /**
   * @param owner the name by which its containers are known
   * @param wanted the name of an image; undefined: the one of this checkout
   */
  constructor(owner: () => Promise<string>, wanted: string | undefined) {
    this.#owner = owner;
    this.#wanted = wanted;
  }

  /** @throws DockerContextError */
  get endpoint(): DockerEndpoint {
    this.#endpoint ??= findEndpoint();
    return this.#endpoint;
  }

  /** @throws DockerContextError */
  get docker(): Docker {
    this.#client ??= connectTo(this.endpoint);
    return this.#client;
  }

  /** @throws DockerContextError */
  async containers(): Promise<OwnContainers> {
    const { docker } = this;
    this.#containers ??= this.#owner().then(owner => new OwnContainers(docker, owner));
    return this.#containers;
  }

  /** @throws DaemonError, DockerContextError */
  async info(): Promise<DaemonInfo> {
    return daemonInfo(this.docker);
  }

  /** @throws ProviderError `unusable`, DaemonError */
  ready(progress: TellProgress): Promise<Prepared> {
    return this.heard(progress, () => {
      this.#prepared ??= this.#prepare();
      return this.#prepared;
    });
  }

  /** Tells `progress` how far the making is, whoever asked for it, as long as `work` runs. */
  async heard<T>(progress: TellProgress, work: () => Promise<T>): Promise<T> {
    this.#listeners.add(progress);
    if (this.#told) progress(...this.#told);
    try {
      return await work();
    } finally {
      this.#listeners.delete(progress);
    }
  }

  /** The next who asks has it made anew: it is not there any more. */
  forget(): void {
    this.#prepared = undefined;
  }

  async #prepare(): Promise<Prepared> {
    const tell: TellProgress = (...step) => {
      this.#told = step;
      for (const listener of this.#listeners) listener(...step);
    };
    try {
      const info = await this.info();
      const image = { wanted: this.#wanted, machine: info.Architecture };
      const [name, seccomp, apparmor] = await Promise.all([
        ensureImage(this.docker, image, tell),
        readFile(seccompFile, 'utf8'),
        prepareApparmor(info, this.endpoint),
      ]);
      return { image: name, seccomp, apparmor };
    } catch (error) {
      this.#prepared = undefined;
      throw error;
    } finally {
      this.#told = undefined;
    }
  }
}

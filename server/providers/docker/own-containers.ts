/** What a server has on a daemon: the containers of its sandboxes and the volumes of their homes. Nothing of others is ever touched. */
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { asDaemonError, type DaemonError, isGone, within } from '../../docker/daemon-error.ts';
import { ExecStream } from '../../docker/exec-stream.ts';
import { connectCommand } from '../sandbox-image.ts';
import { containerName, labels, volumeName } from './container.ts';
import { fateOf } from './fate.ts';
import { callMs, removeContainer } from './start.ts';

/** The home is saved then; the daemon kills after 15 s. */
const endMs = 40_000;
/** How long a volume may be in use by a container that is on its way out. */
const inUseMs = 10_000;
const inUseEveryMs = 100;

/** Every method throws DaemonError. */
export class OwnContainers {
  readonly #docker: Docker;
  readonly owner: string;

  constructor(docker: Docker, owner: string) {
    this.#docker = docker;
    this.owner = owner;
  }

  /** The container of a sandbox, whether there is one or not. */
  of(id: string): Docker.Container {
    return this.#docker.getContainer(containerName(this.owner, id));
  }

  /** Ids and homes of the sandboxes that run. */
  async living(): Promise<{ id: string; home: string }[]> {
    const found = await this.#list({ label: [this.#own, labels.sandbox], status: ['running'] });
    return found.map(({ Labels }) => ({ id: Labels[labels.sandbox]!, home: Labels[labels.home]! }));
  }

  /** Removes what does not run, but for the containers of these sandboxes. */
  async sweep(making: Set<string>): Promise<void> {
    const found = await this.#list({ label: [this.#own], status: ['created', 'exited', 'dead'] });
    const dead = found.filter(({ Labels }) => !making.has(Labels[labels.sandbox] ?? ''));
    await Promise.all(dead.map(({ Id }) => removeContainer(this.#docker.getContainer(Id))));
  }

  get #own(): string {
    return `${labels.owner}=${this.owner}`;
  }

  #list(filters: Record<string, string[]>): Promise<Docker.ContainerInfo[]> {
    return within('for its containers', callMs, abortSignal =>
      this.#docker.listContainers({ all: true, filters: JSON.stringify(filters), abortSignal }),
    );
  }

  async hasHome(home: string): Promise<boolean> {
    try {
      const volume = this.#docker.getVolume(volumeName(this.owner, home));
      await within('for a volume', callMs, abortSignal => volume.inspect({ abortSignal }));
      return true;
    } catch (error) {
      if ((error as DaemonError).status === 404) return false;
      throw error;
    }
  }

  async removeHome(home: string): Promise<void> {
    const volume = this.#docker.getVolume(volumeName(this.owner, home));
    const giveUpMs = Date.now() + inUseMs;
    for (;;) {
      try {
        return void (await within('to remove a home', callMs, abortSignal => volume.remove({ abortSignal })));
      } catch (error) {
        const { status } = asDaemonError(error as Error);
        if (status === 404) return;
        if (status !== 409 || Date.now() > giveUpMs) throw error;
        await delay(inUseEveryMs);
      }
    }
  }

  /** A stream to the agent of a sandbox. */
  async connect(id: string): Promise<Duplex> {
    const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false };
    const exec = await within('to reach a sandbox', callMs, abortSignal =>
      this.of(id).exec({ Cmd: connectCommand, ...streams, abortSignal }),
    );
    const stream = await within('to reach a sandbox', callMs, abortSignal =>
      exec.start({ hijack: true, stdin: true, abortSignal }),
    );
    return new ExecStream(stream);
  }

  /** Stops a sandbox, which saves the home, and removes its container. */
  async end(id: string): Promise<void> {
    const container = this.of(id);
    try {
      await within('to end a sandbox', endMs, abortSignal => container.stop({ abortSignal }));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await removeContainer(container);
  }

  /** Why a sandbox ended, as far as the daemon knows. */
  fate(id: string): Promise<string | undefined> {
    return fateOf(this.of(id));
  }
}

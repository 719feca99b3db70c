/** Services of several hosts each, processes of their own, that die and come back. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePorts } from '../../conformance/scenario.ts';

export const services = ['one', 'two'];
const hostsEach = 3;

/** From one death to the next, and how long one is dead. */
const betweenDeathsMs = 2000;
const deadMs = 1000;

interface Host {
  service: string;
  port: number;
  child: ChildProcess;
}

export class Upstreams {
  /** How many died. */
  deaths = 0;
  readonly #hosts: Host[];
  #dying: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  private constructor(hosts: Host[]) {
    this.#hosts = hosts;
  }

  static async start(): Promise<Upstreams> {
    const ports = await freePorts(services.length * hostsEach);
    const hosts = ports.map(async (port, i) => {
      const service = services[i % services.length]!;
      return { service, port, child: await startHost(service, port) };
    });
    return new Upstreams(await Promise.all(hosts));
  }

  portsOf(service: string): number[] {
    return this.#hosts.filter(host => host.service === service).map(({ port }) => port);
  }

  /** From now on hosts die, never two at once. */
  die(): void {
    this.#dying = this.#dieInTurn();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#dying;
    await Promise.all(this.#hosts.map(({ child }) => kill(child)));
  }

  async #dieInTurn(): Promise<void> {
    const pause = (ms: number) => wait(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    while (!this.#stop.signal.aborted) {
      await pause(betweenDeathsMs);
      if (this.#stop.signal.aborted) return;
      const host = this.#hosts[this.deaths++ % this.#hosts.length]!;
      await kill(host.child);
      await pause(deadMs);
      host.child = await startHost(host.service, host.port);
    }
  }
}

async function startHost(service: string, port: number): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'upstream-main.ts'), [service, String(port)], { stdio: 'inherit' });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`a host of ${service} did not start`)));
  await Promise.race([once(child, 'message'), ended]);
  // It may die now.
  ended.catch(() => undefined);
  return child;
}

/** As a machine that loses its power does. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

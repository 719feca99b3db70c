/**
 * A Docker daemon of the tests' own, which can be killed and started again. Nothing of it is outside of its folder; and it has a network namespace of its
 * own, since a daemon without a bridge removes `docker0`, whosever that is.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { connectTo } from '../../server/docker/connection.ts';

const startMs = 60_000;
const stopMs = 60_000;
const run = promisify(execFile);

/** A client for the daemon at an address. */
export const clientOf = (host: string): Docker =>
  connectTo({ host, from: 'the tests', certificates: undefined, verify: true });

/** Known by its folder alone: whoever names that may stop and start it. */
export class TestDaemon {
  readonly #folder: string;

  /** @param folder for all of it, with a short path */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** For DOCKER_HOST. */
  get host(): string {
    return `unix://${this.#path('docker.sock')}`;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** Starts it, or starts it again. @throws with its last words where it does not come up */
  async start(flags: string[] = [], when: 'now' | 'if it is down' = 'now'): Promise<void> {
    if (when === 'if it is down' && (await this.#answers())) return;
    await mkdir(this.#folder, { recursive: true });
    const log = openSync(this.#path('log'), 'a');
    const child = spawn('unshare', ['--net', 'dockerd', ...this.#flags(), ...flags], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    const ended = once(child, 'exit').then(
      () => true,
      () => true,
    );
    const deadline = Date.now() + startMs;
    while (!(await this.#answers())) {
      const gone = await Promise.race([ended, delay(100, false)]);
      if (gone || Date.now() > deadline) throw new Error(`dockerd did not come up: ${this.#lastWords()}`);
    }
  }

  #flags(): string[] {
    const places = { 'data-root': this.#path('root'), 'exec-root': this.#path('exec'), pidfile: this.#path('pid') };
    const paths = Object.entries({ host: this.host, ...places }).map(([key, value]) => `--${key}=${value}`);
    return [
      ...paths,
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      '--ip-masq=false',
    ];
  }

  #answers(): Promise<boolean> {
    const ping = clientOf(this.host).ping();
    return ping.then(
      () => true,
      () => false,
    );
  }

  #lastWords(): string {
    const log = existsSync(this.#path('log')) ? readFileSync(this.#path('log'), 'utf8') : '';
    return log.trim().split('\n').slice(-4).join(' | ');
  }

  /** Ends it as a system does (SIGTERM), or as a crash does (SIGKILL). */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!existsSync(this.#path('pid'))) return;
    const pid = Number(readFileSync(this.#path('pid'), 'utf8'));
    if (!commandOf(pid).includes(this.#folder)) return;
    const deadline = Date.now() + stopMs;
    // Its containerd goes with it; the next one's would find the database locked before.
    const containerd = readFileSync(this.#path('exec/containerd/containerd.pid'), 'utf8');
    process.kill(pid, signal);
    while ([pid, Number(containerd)].some(one => commandOf(one).includes(this.#folder))) {
      if (Date.now() > deadline) throw new Error(`dockerd does not end: ${this.#lastWords()}`);
      await delay(50);
    }
    // After a crash the files stay, and where nobody reaps the dead, the next one takes their numbers for the living's.
    for (const file of ['pid', 'exec/containerd/containerd.pid']) await rm(this.#path(file), { force: true });
  }

  /** Ends it and removes all of it. */
  async remove(): Promise<void> {
    // One that had live-restore has left its containers and mounts: one without ends them.
    if (existsSync(this.#folder)) await this.start([], 'if it is down');
    await this.stop();
    for (const mount of mountsBelow(this.#folder)) await run('umount', ['--lazy', mount]);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  static async version(): Promise<string | undefined> {
    return run('dockerd', ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
  }
}

const mountsBelow = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(point => point.startsWith(`${folder}/`))
    .reverse();

/** Empty once it has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** What tests must not leave behind: processes, mounts, control groups, network namespaces, files. */
import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** How long what is on its way out may take, in milliseconds. */
const grace = 10_000;

/** Names in the temporary folder that Node itself makes. */
const harmless = new Set(['node-compile-cache']);

/** Knows what was there before, and finds what a run left. */
export class Leftovers {
  readonly #folder: string;
  readonly #groups: Set<string>;
  readonly #namespaces: Set<string>;

  /** @param folder the temporary folder (TMPDIR) of the run: by it its processes are known */
  constructor(folder: string) {
    this.#folder = folder;
    this.#groups = new Set(controlGroups());
    this.#namespaces = new Set(networkNamespaces());
  }

  /** Waits for what is ending, names the rest, and removes of it what is surely the run's. */
  async clear(): Promise<string[]> {
    const until = Date.now() + grace;
    while (this.#find().length > 0 && Date.now() < until) await wait(250);
    const found = this.#find();
    for (const pid of this.#processes()) process.kill(pid, 'SIGKILL');
    if (this.#mounts().length === 0) rmSync(this.#folder, { recursive: true, force: true });
    return found;
  }

  #find(): string[] {
    const files = existsSync(this.#folder) ? readdirSync(this.#folder).filter(name => !harmless.has(name)) : [];
    return [
      ...this.#processes().map(pid => `process ${pid}: ${commandOf(pid)}`),
      ...this.#mounts().map(mount => `mount ${mount}`),
      ...controlGroups()
        .filter(group => !this.#groups.has(group))
        .map(group => `control group ${group}`),
      ...networkNamespaces()
        .filter(name => !this.#namespaces.has(name))
        .map(name => `network namespace ${name}`),
      ...files.map(name => `file ${join(this.#folder, name)}`),
    ];
  }

  #processes(): number[] {
    const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
    return pids.map(Number).filter(pid => pid !== process.pid && this.#isOfRun(pid));
  }

  #isOfRun(pid: number): boolean {
    const place = `/proc/${pid}`;
    return (
      read(`${place}/environ`).split('\0').includes(`TMPDIR=${this.#folder}`) ||
      read(`${place}/cmdline`).includes(this.#folder) ||
      link(`${place}/cwd`).startsWith(this.#folder)
    );
  }

  #mounts(): string[] {
    const points = read('/proc/self/mountinfo')
      .split('\n')
      .map(line => line.split(' ')[4] ?? '');
    return points.filter(point => point.startsWith(this.#folder));
  }
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 160);
}

/** Groups of sandboxes that no process is in. */
function controlGroups(folder = '/sys/fs/cgroup', depth = 0): string[] {
  if (depth > 4) return [];
  return entriesOf(folder).flatMap(entry => {
    if (!entry.isDirectory()) return [];
    const path = join(folder, entry.name);
    const own = entry.name.includes('unicorn') && read(join(path, 'cgroup.procs')) === '' ? [path] : [];
    return [...own, ...controlGroups(path, depth + 1)];
  });
}

/** None where the folder is not there, or vanished as it was looked at. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

function networkNamespaces(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : [];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // ended meanwhile, or someone else's
    return '';
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

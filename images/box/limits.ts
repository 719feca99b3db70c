/** Memory, processes and CPU of a sandbox, limited by cgroups: v1 or v2 for root, for a plain user a scope of their systemd. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { BoxLimits } from './specification.ts';

/** `systemd`: cgroup v2, a delegated scope of the user's own systemd. */
export type LimitKind = 'v1' | 'v2' | 'systemd' | 'none';

export interface LimitSupport {
  kind: LimitKind;
  /** Why there are no limits, or how they are set. */
  detail: string;
}

const root = '/sys/fs/cgroup';
/** What the agent keeps for itself, so that a full world leaves it able to act. */
const agentReserve = { memoryBytes: 64 * 1024 * 1024, processes: 48 };
const period = 100_000;

const put = (folder: string, file: string, value: string | number): void =>
  writeFileSync(join(folder, file), String(value));
const putIfThere = (folder: string, file: string, value: string | number): void => {
  if (existsSync(join(folder, file))) put(folder, file, value);
};

/** What of a box's limits its world has. */
export const worldLimits = (limits: BoxLimits): BoxLimits => ({
  ...limits,
  memoryBytes: Math.max(limits.memoryBytes - agentReserve.memoryBytes, Math.floor(limits.memoryBytes / 2)),
  processes: Math.max(limits.processes - agentReserve.processes, Math.floor(limits.processes / 2)),
});

/** The size of home and of /tmp each: they are memory, and full ones must leave the programs half of it. */
export const folderBytes = (limits: BoxLimits): number =>
  Math.min(limits.diskBytes, Math.floor(worldLimits(limits).memoryBytes / 4));

const v1Controllers = ['memory', 'pids', 'cpu'] as const;

function setV1(controller: (typeof v1Controllers)[number], group: string, limits: BoxLimits): void {
  if (controller === 'memory') {
    put(group, 'memory.limit_in_bytes', limits.memoryBytes);
    putIfThere(group, 'memory.memsw.limit_in_bytes', limits.memoryBytes);
  } else if (controller === 'pids') put(group, 'pids.max', limits.processes);
  else {
    put(group, 'cpu.cfs_period_us', period);
    put(group, 'cpu.cfs_quota_us', Math.round(limits.cpus * period));
  }
}

function setV2(group: string, limits: BoxLimits): void {
  put(group, 'memory.max', limits.memoryBytes);
  putIfThere(group, 'memory.swap.max', 0);
  put(group, 'pids.max', limits.processes);
  put(group, 'cpu.max', `${Math.round(limits.cpus * period)} ${period}`);
}

const enable = (group: string): void => put(group, 'cgroup.subtree_control', '+memory +pids +cpu');

/** Makes the v2 groups `box` and `world` in `group`, whose own limits hold for both. */
function divideV2(group: string, limits: BoxLimits): void {
  enable(group);
  for (const name of ['box', 'world']) mkdirSync(join(group, name), { recursive: true });
  setV2(join(group, 'world'), worldLimits(limits));
}

/** Folders in which root keeps the groups of sandboxes, one for each hierarchy in use. */
export function parentGroups(kind: LimitKind): string[] {
  if (kind === 'v1') return v1Controllers.map(controller => join(root, controller, 'unicorn'));
  return kind === 'v2' ? [join(root, 'unicorn')] : [];
}

function makeGroup(kind: LimitKind, index: number, group: string, limits: BoxLimits): void {
  for (const name of ['box', 'world']) mkdirSync(join(group, name), { recursive: true });
  if (kind === 'v1') {
    setV1(v1Controllers[index]!, group, limits);
    setV1(v1Controllers[index]!, join(group, 'world'), worldLimits(limits));
    return;
  }
  for (const parent of [root, dirname(group)]) enable(parent);
  setV2(group, limits);
  divideV2(group, limits);
}

/** Makes root's groups of one sandbox, with the folders `box` and `world`; answers their folders: none for the other kinds. */
export function makeGroups(kind: LimitKind, id: string, limits: BoxLimits): string[] {
  const groups = parentGroups(kind).map(parent => join(parent, id));
  // Once more, should the keeper of the last other sandbox just have removed the parent.
  for (const [index, group] of groups.entries())
    try {
      makeGroup(kind, index, group, limits);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      makeGroup(kind, index, group, limits);
    }
  return groups;
}

/** Puts limits on the scope that process `pid` was started in, and makes its groups. */
export function divideScope(pid: number, limits: BoxLimits): string[] {
  const own = readFileSync(`/proc/${pid}/cgroup`, 'utf8').match(/^0::(.+\.scope)$/m)?.[1];
  if (!own) throw new Error(`process ${pid} is in no scope of its own`);
  const group = join(root, own);
  mkdirSync(join(group, 'keeper'));
  for (const process of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n'))
    if (process) put(join(group, 'keeper'), 'cgroup.procs', process);
  divideV2(group, limits);
  setV2(join(group, 'box'), limits);
  return [group];
}

/** The command that starts another one in a scope of the user's systemd with these limits. */
export function scopeCommand(unit: string, limits: BoxLimits): string[] {
  const properties = [
    'Delegate=yes',
    `MemoryMax=${limits.memoryBytes}`,
    'MemorySwapMax=0',
    `TasksMax=${limits.processes + 16}`,
    `CPUQuota=${Math.round(limits.cpus * 100)}%`,
  ];
  return [
    ...['systemd-run', '--user', '--scope', '--quiet', '--collect', `--unit=${unit}`],
    ...properties.flatMap(property => ['-p', property]),
    '--',
  ];
}

/** The groups that root may have made for a sandbox, whichever kind there is. */
export const groupsOf = (id: string): string[] =>
  [...parentGroups('v1'), ...parentGroups('v2')].map(parent => join(parent, id)).filter(group => existsSync(group));

/** Removes groups that hold no process any more, and the parent that they share if they were the last; silently keeps those that do. */
export function removeGroups(groups: string[]): void {
  for (const group of groups) {
    for (const folder of [join(group, 'world'), join(group, 'box'), group]) remove(folder);
    if (basename(dirname(group)) === 'unicorn') remove(dirname(group));
  }
}

function remove(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EBUSY' && code !== 'ENOENT') throw error;
  }
}

/** Processes in a group and the groups below it. */
export function groupProcesses(group: string): number[] {
  if (!existsSync(group)) return [];
  return ['', 'box', 'world', 'keeper'].flatMap(name => {
    const file = join(group, name, 'cgroup.procs');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
  });
}

const trialLimits: BoxLimits = {
  memoryBytes: 64 << 20,
  processes: 64,
  diskBytes: 1 << 20,
  cpus: 1,
  openFiles: 64,
};

function tryGroups(kind: 'v1' | 'v2', detail: string): LimitSupport {
  const id = `trial${process.pid}`;
  try {
    makeGroups(kind, id, trialLimits);
    return { kind, detail };
  } catch (error) {
    return { kind: 'none', detail: `cgroup ${kind} is here but refuses: ${(error as Error).message}` };
  } finally {
    removeGroups(parentGroups(kind).map(parent => join(parent, id)));
  }
}

function trySystemd(): Promise<LimitSupport> {
  const [command, ...args] = scopeCommand(`unicorn-trial-${process.pid}`, trialLimits);
  const script = 'g=$(sed -n "s/^0:://p" /proc/self/cgroup); cd "/sys/fs/cgroup$g" && cat memory.max pids.max cpu.max';
  return new Promise(resolve => {
    const child = spawn(command!, [...args, 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 5000 });
    let said = '';
    child.stdout.on('data', chunk => (said += chunk));
    child.stderr.on('data', chunk => (said += chunk));
    child.once('error', error => resolve({ kind: 'none', detail: error.message }));
    child.once('close', status => {
      const held = status === 0 && !/\bmax\b.*\n.*\n|^max/m.test(said.split('\n').slice(0, 2).join('\n'));
      resolve(
        held
          ? { kind: 'systemd', detail: 'cgroup v2, a scope of your systemd for each sandbox' }
          : { kind: 'none', detail: said.trim().split('\n')[0] || 'systemd-run set no limits' },
      );
    });
  });
}

/** Tries, rather than guesses, which limits can be set here. */
export async function limitSupport(): Promise<LimitSupport> {
  const asRoot = process.getuid?.() === 0;
  if (existsSync(join(root, 'cgroup.controllers'))) return asRoot ? tryGroups('v2', 'cgroup v2') : await trySystemd();
  const v1 = v1Controllers.every(name => existsSync(join(root, name)) && readdirSync(join(root, name)).length > 0);
  if (v1 && asRoot) return tryGroups('v1', 'cgroup v1');
  if (v1) return { kind: 'none', detail: 'this machine has cgroup v1, where only root can set limits' };
  return { kind: 'none', detail: 'this machine has no cgroups with memory, pids and cpu' };
}

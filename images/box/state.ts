/** What is known of a sandbox outside of it: a small file in its run folder, and whether its keeper lives. */
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BoxState {
  id: string;
  homeFile: string;
  runtime: string;
  /** The cgroups made for it, which the keeper removes. */
  groups: string[];
  /** The first host id of its range. */
  firstId: number;
  /** The keeper's process; with the moment it started and the boot, since numbers come back. */
  keeper: number;
  keeperStart: string;
  /** The process that made the keeper's namespaces and waits for it. */
  outer: number;
  boot: string;
}

export const stateFile = 'state.json';
export const socketName = 'agent.sock';
export const logName = 'log';

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** When a process started, in the kernel's ticks; undefined where there is none, or a dead one that waits for its parent. */
export function processStart(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isAlive = (state: BoxState): boolean =>
  state.boot === bootId() && processStart(state.keeper) === state.keeperStart;

/** Notes the sandbox whose keeper is `keeper`, at once or not at all. */
export function writeState(folder: string, state: Omit<BoxState, 'boot' | 'keeperStart'>): BoxState {
  const keeperStart = processStart(state.keeper);
  if (keeperStart === undefined) throw new Error('the keeper ended at once');
  const whole = { ...state, keeperStart, boot: bootId() };
  writeFileSync(join(folder, `${stateFile}.new`), JSON.stringify(whole));
  renameSync(join(folder, `${stateFile}.new`), join(folder, stateFile));
  return whole;
}

/** The state in a run folder; undefined where there is none that can be read. */
export function readState(folder: string): BoxState | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, stateFile), 'utf8')) as BoxState;
  } catch {
    return undefined;
  }
}

/** The run folders below `parent`, each with its state where it has one. */
export function listFolders(parent: string): { folder: string; state: BoxState | undefined; ageMs: number }[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent).flatMap(name => {
    const folder = join(parent, name);
    const found = statSync(folder, { throwIfNoEntry: false });
    return found?.isDirectory() ? [{ folder, state: readState(folder), ageMs: Date.now() - found.mtimeMs }] : [];
  });
}

/** Ends sandboxes, and removes what is left of those whose keeper is gone. */
import { existsSync, rmSync, watch } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BoxError } from './errors.ts';
import { groupProcesses, removeGroups } from './limits.ts';
import { type BoxState, isAlive, listFolders, processStart, readState } from './state.ts';

const gentleMs = 10_000;
const forcedMs = 5_000;
/** A run folder without a state may be one that another server is just filling. */
const youngMs = 60_000;

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves true when the path is gone, false when it still is there after the time. */
function gone(path: string, withinMs: number): Promise<boolean> {
  return new Promise(resolve => {
    const answer = (result: boolean): void => {
      clearTimeout(timer);
      watcher.close();
      resolve(result);
    };
    const timer = setTimeout(() => answer(!existsSync(path)), withinMs);
    const watcher = watch(dirname(path), (_, name) => {
      if (name === basename(path) && !existsSync(path)) answer(true);
    });
    if (!existsSync(path)) answer(true);
  });
}

/** Kills what is left of a sandbox and removes its folder and cgroups, but for its home. */
export async function removeLeftovers(runFolder: string, groups: string[]): Promise<void> {
  const state = readState(runFolder);
  if (state && isAlive(state)) {
    signal(state.keeper, 'SIGKILL');
    await ended(state);
  }
  for (const pid of groups.flatMap(groupProcesses)) signal(pid, 'SIGKILL');
  await emptied(groups);
  removeGroups(groups);
  await rm(runFolder, { recursive: true, force: true });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + forcedMs;
  while (!condition() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 10));
}
const ended = ({ keeper, outer }: BoxState): Promise<void> =>
  until(() => [keeper, outer].every(pid => processStart(pid) === undefined));
const emptied = (groups: string[]): Promise<void> => until(() => groups.flatMap(groupProcesses).length === 0);

/** Ends the sandbox of a run folder; its home is saved, all else is removed. */
export async function endBox(runFolder: string): Promise<void> {
  const state = readState(runFolder);
  if (state && isAlive(state)) {
    signal(state.keeper, 'SIGTERM');
    if (await gone(runFolder, gentleMs)) return ended(state);
  }
  await removeLeftovers(runFolder, state?.groups ?? []);
  if (existsSync(runFolder)) throw new BoxError('failed', `${runFolder} could not be removed`);
}

/** Removes what dead sandboxes left below `parent`, and runtimes below `runtimes` that no sandbox uses. */
export async function sweepBoxes(parent: string): Promise<void> {
  for (const { folder, state, ageMs } of listFolders(parent)) {
    if (state ? isAlive(state) : ageMs < youngMs) continue;
    await removeLeftovers(folder, state?.groups ?? []);
  }
}

/** Removes runtime folders that neither a live sandbox nor this server uses. */
export function sweepRuntimes(used: Set<string>, folders: string[]): void {
  for (const folder of folders) if (!used.has(folder)) rmSync(folder, { recursive: true, force: true });
}

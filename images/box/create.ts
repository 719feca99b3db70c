/** Makes a sandbox: leases ids, writes the specifications, starts the keeper, and waits for the agent's first word. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxError } from './errors.ts';
import { type Lease, leaseRange, ownRanges } from './ids.ts';
import { asRoot, childOf, go, keeperReady, mapIds, startKeeper } from './keeper-process.ts';
import { divideScope, groupsOf, type LimitKind, makeGroups } from './limits.ts';
import { type BoxPlan, boxConfiguration, boxIds, processLimits, trialWord, worldConfiguration } from './oci.ts';
import { removeLeftovers } from './remove.ts';
import { agentAnswers, listenFor } from './socket.ts';
import type { BoxSpecification } from './specification.ts';
import { logName, writeState } from './state.ts';

/** For a machine that is slow, or busy with other things. */
const startTimeoutMs = 40_000;
/** Folders that every system has, over which a keeper may put its own, unseen by others. */
const bases = ['/mnt', '/srv', '/media', '/opt'];

/** A process's hard limit, for what may not be raised. */
function ceiling(type: string): number {
  const name = { RLIMIT_NOFILE: 'Max open files', RLIMIT_FSIZE: 'Max file size', RLIMIT_NPROC: 'Max processes' }[type];
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find(text => name && text.startsWith(name));
  const hard = line?.slice(name!.length).trim().split(/\s+/)[1];
  return hard === undefined || hard === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(hard);
}

function chooseBase(specification: BoxSpecification): string {
  const { runFolder, runtime, homeFile } = specification;
  const free = bases.find(
    base => existsSync(base) && ![runFolder, runtime, homeFile].some(path => path.startsWith(`${base}/`)),
  );
  if (!free) throw new BoxError('failed', `none of ${bases.join(', ')} is there and holds nothing of the sandbox's`);
  return free;
}

/** Ids as the keeper counts them: root's keeper is in the machine's user namespace, a plain user's in one where they are 0 and the range follows. */
function keeperIds(first: number): { first: number; nobody: number } {
  const start = asRoot ? first : 1;
  return { first: start, nobody: start + boxIds - 1 };
}

function writeBundles(folder: string, plan: BoxPlan): void {
  mkdirSync(join(folder, 'box/world'), { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'box/config.json'), JSON.stringify(boxConfiguration(plan)));
  writeFileSync(join(folder, 'box/world/config.json'), JSON.stringify(worldConfiguration(plan)), { mode: 0o644 });
}

const planOf = (specification: BoxSpecification, first: number, kind: LimitKind, trial: boolean): BoxPlan => ({
  id: specification.id,
  base: chooseBase(specification),
  ids: keeperIds(first),
  limits: specification.limits,
  orphanTimeoutSeconds: specification.orphanTimeoutSeconds,
  trial,
  rlimits: processLimits(specification.limits, ceiling, kind !== 'none'),
});

interface Launched {
  keeper: ChildProcess;
  groups: string[];
}

/** Starts the keeper with all that it needs, and notes it. On a failure, the groups made so far are removed by the caller. */
async function launch(
  specification: BoxSpecification,
  kind: LimitKind,
  given: { lease: Lease; log: number; trial: boolean },
): Promise<Launched> {
  const { id, runFolder, limits, homeFile, runtime } = specification;
  const { first, server: lease } = given.lease;
  const plan = planOf(specification, first, kind, given.trial);
  writeBundles(runFolder, plan);
  mkdirSync(dirname(homeFile), { recursive: true, mode: 0o700 });
  const socket = await listenFor(runFolder);
  try {
    const made = makeGroups(kind, id, limits);
    const keeper = startKeeper(specification, plan, kind, { socket, lease, log: given.log });
    await keeperReady(keeper);
    const groups = kind === 'systemd' ? divideScope(keeper.pid!, limits) : made;
    const outer = keeper.pid!;
    writeState(runFolder, { id, homeFile, runtime, groups, firstId: first, keeper: childOf(outer), outer });
    if (!asRoot) await mapIds(keeper.pid!, first);
    go(keeper, groups);
    return { keeper, groups };
  } finally {
    socket.close();
  }
}

/** What the keeper, crun or the agent said; read by descriptor, since the keeper removes the file. */
function saidIn(log: number): string {
  const text = Buffer.alloc(4096);
  const length = readSync(log, text, 0, text.length, 0);
  return text.toString('utf8', 0, length).trim().split('\n').slice(-3).join(' | ');
}

/** Runs `use` with a fresh run folder, ids and a log; on a failure nothing is left, and the log tells why. */
async function making<T>(
  specification: BoxSpecification,
  use: (given: { lease: Lease; log: number }) => Promise<T>,
): Promise<T> {
  const { id, runFolder } = specification;
  if (existsSync(runFolder)) throw new BoxError('failed', `there is a sandbox ${id} already`);
  const lease = await leaseRange(ownRanges());
  if (!lease) throw new BoxError('no-capacity', 'every range of user ids for sandboxes is in use');
  mkdirSync(runFolder, { recursive: true, mode: 0o700 });
  const log = openSync(join(runFolder, logName), 'a+', 0o600);
  try {
    return await use({ lease, log });
  } catch (error) {
    const said = saidIn(log);
    await removeLeftovers(runFolder, groupsOf(id));
    throw new BoxError('failed', `the sandbox did not start: ${said || (error as Error).message}`);
  } finally {
    closeSync(log);
    lease.server.close();
  }
}

/**
 * Makes a sandbox; resolves when its agent answers.
 * @throws BoxError, with nothing left behind
 */
export function createBox(specification: BoxSpecification, kind: LimitKind): Promise<void> {
  return making(specification, async given => {
    await launch(specification, kind, { ...given, trial: false });
    await agentAnswers(specification.runFolder, AbortSignal.timeout(startTimeoutMs));
  });
}

async function exitOf(keeper: ChildProcess): Promise<void> {
  const late = AbortSignal.timeout(startTimeoutMs);
  await once(keeper, 'exit', { signal: late }).catch(error => {
    throw late.aborted ? new Error('it did not end in time') : error;
  });
}

/** Makes a sandbox without an agent, which starts a world, ends at once and leaves nothing. */
export async function tryBox(
  specification: BoxSpecification,
  kind: LimitKind,
): Promise<{ works: boolean; said: string }> {
  try {
    return await making(specification, async given => {
      const { keeper } = await launch(specification, kind, { ...given, trial: true });
      await exitOf(keeper);
      const said = saidIn(given.log);
      return { works: said.includes(trialWord), said };
    });
  } catch (error) {
    return { works: false, said: (error as Error).message };
  } finally {
    await rm(specification.homeFile, { force: true });
  }
}

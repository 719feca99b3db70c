/** Makes a sandbox: leases ids, writes the specifications, starts the keeper, and waits for the agent's first word. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { BoxError } from './errors.ts';
import { leaseRange, ownRanges } from './ids.ts';
import { divideScope, type LimitKind, makeGroups, scopeCommand } from './limits.ts';
import { type BoxPlan, boxConfiguration, boxIds, processLimits, worldConfiguration } from './oci.ts';
import { removeLeftovers } from './remove.ts';
import { agentAnswers, listenFor } from './socket.ts';
import { type BoxSpecification, worldOffset, worldUsers } from './specification.ts';
import { type BoxState, logName, writeState } from './state.ts';

const startTimeoutMs = 20_000;
const saveSeconds = 10;
/** Folders that every system has, over which a keeper may put its own, unseen by others. */
const bases = ['/mnt', '/srv', '/media', '/opt'];
const asRoot = process.getuid?.() === 0;

/** A process's hard limit, for what may not be raised. */
function ceiling(type: string): number {
  const name = { RLIMIT_NOFILE: 'Max open files', RLIMIT_FSIZE: 'Max file size' }[type];
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

function keeperVariables(specification: BoxSpecification, plan: BoxPlan): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    KEEPER_BASE: plan.base,
    KEEPER_RUN: specification.runFolder,
    KEEPER_RUNTIME: specification.runtime,
    KEEPER_HOME: specification.homeFile,
    KEEPER_DISK: String(specification.limits.diskBytes),
    KEEPER_FIRST: String(plan.ids.first),
    KEEPER_LEARNER: String(plan.ids.first + worldOffset + worldUsers.learner),
    KEEPER_SAVE_SECONDS: String(saveSeconds),
  };
}

function keeperCommand(specification: BoxSpecification, kind: LimitKind): string[] {
  const scope = kind === 'systemd' ? scopeCommand(`unicorn-${specification.id}`, specification.limits) : [];
  const spaces = ['unshare', ...(asRoot ? [] : ['--user']), '--mount', '--pid', '--fork', '--kill-child'];
  return [...scope, ...spaces, 'sh', join(specification.runtime, 'libexec/keeper')];
}

const handle = (server: Server): { fd: number } => (server as unknown as { _handle: { fd: number } })._handle;

function startKeeper(
  specification: BoxSpecification,
  plan: BoxPlan,
  kind: LimitKind,
  socket: Server,
  lease: Server,
): ChildProcess {
  const [command, ...args] = keeperCommand(specification, kind);
  const log = openSync(join(specification.runFolder, logName), 'a', 0o600);
  const bus = kind === 'systemd' ? userBus() : {};
  return spawn(command!, args, {
    detached: true,
    cwd: '/',
    env: { ...bus, ...keeperVariables(specification, plan) },
    stdio: ['pipe', 'pipe', log, handle(socket).fd, 'ignore', 'ignore', 'ignore', handle(lease).fd],
  });
}

function userBus(): Record<string, string> {
  const names = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];
  return Object.fromEntries(names.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** The keeper tells that its namespaces are there. */
async function keeperReady(keeper: ChildProcess): Promise<void> {
  const lines = createInterface({ input: keeper.stdout! });
  try {
    await new Promise<void>((resolve, reject) => {
      lines.once('line', () => resolve());
      keeper.once('error', reject);
      keeper.once('exit', status => reject(new Error(`the keeper ended with ${status}`)));
    });
  } finally {
    lines.close();
  }
}

/** Maps a plain user to 0 and the range to 1 and up, by uidmap's two helpers. */
async function mapIds(pid: number, first: number): Promise<void> {
  const run = promisify(execFile);
  const own = { uid: process.getuid!(), gid: process.getgid!() };
  await Promise.all(
    (
      [
        ['newuidmap', own.uid],
        ['newgidmap', own.gid],
      ] as const
    ).map(([program, id]) => run(program, [pid, 0, id, 1, 1, first, boxIds].map(String), { timeout: 5000 })),
  );
}

const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

async function launch(
  specification: BoxSpecification,
  kind: LimitKind,
  lease: { first: number; server: Server },
): Promise<BoxState> {
  const { id, runFolder, limits, homeFile, runtime } = specification;
  const plan: BoxPlan = {
    id,
    base: chooseBase(specification),
    ids: keeperIds(lease.first),
    limits,
    orphanTimeoutSeconds: specification.orphanTimeoutSeconds,
    rlimits: processLimits(limits, ceiling),
  };
  writeBundles(runFolder, plan);
  mkdirSync(dirname(homeFile), { recursive: true, mode: 0o700 });
  const socket = await listenFor(runFolder);
  const made = kind === 'v1' || kind === 'v2' ? makeGroups(kind, id, limits) : [];
  try {
    const keeper = startKeeper(specification, plan, kind, socket, lease.server);
    socket.close();
    await keeperReady(keeper);
    const groups = kind === 'systemd' ? divideScope(keeper.pid!, limits) : made;
    const state = { id, homeFile, runtime, groups, firstId: lease.first, keeper: childOf(keeper.pid!) };
    const written = writeState(runFolder, state);
    if (!asRoot) await mapIds(keeper.pid!, lease.first);
    keeper.stdin!.end(`go ${groups.join(' ')}\n`);
    keeper.stdout!.destroy();
    keeper.unref();
    return written;
  } catch (error) {
    socket.close();
    await removeLeftovers(runFolder, made);
    throw error;
  }
}

/** What the keeper or crun said last, to tell why a sandbox did not start. */
function lastWords(runFolder: string): string {
  try {
    return readFileSync(join(runFolder, logName), 'utf8').trim().split('\n').slice(-3).join(' | ');
  } catch {
    return '';
  }
}

/**
 * Makes a sandbox; resolves when its agent answers.
 * @throws BoxError, with nothing left behind
 */
export async function createBox(specification: BoxSpecification, kind: LimitKind): Promise<BoxState> {
  const lease = await leaseRange(ownRanges());
  if (!lease) throw new BoxError('no-capacity', 'every range of user ids for sandboxes is in use');
  mkdirSync(specification.runFolder, { recursive: true, mode: 0o700 });
  try {
    const state = await launch(specification, kind, lease);
    await agentAnswers(specification.runFolder, AbortSignal.timeout(startTimeoutMs)).catch(async error => {
      const said = lastWords(specification.runFolder);
      await removeLeftovers(specification.runFolder, state.groups);
      throw new BoxError('failed', `the sandbox did not start: ${said || (error as Error).message}`);
    });
    return state;
  } finally {
    lease.server.close();
  }
}

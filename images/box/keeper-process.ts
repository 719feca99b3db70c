/** The process that keeps a sandbox: started in namespaces of its own, mapped where a plain user needs that, told to go. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { folderBytes, type LimitKind, scopeCommand } from './limits.ts';
import { type BoxPlan, boxIds } from './oci.ts';
import { type BoxSpecification, worldOffset, worldUsers } from './specification.ts';

const saveSeconds = 10;
export const asRoot = process.getuid?.() === 0;

/** The size of the home: as allowed now, but never less than what was kept from the time before. */
function homeBytes({ limits, homeFile }: BoxSpecification): number {
  const kept = statSync(homeFile, { throwIfNoEntry: false })?.size ?? 0;
  return Math.max(folderBytes(limits), kept + (1 << 20));
}

function keeperVariables(specification: BoxSpecification, plan: BoxPlan): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    KEEPER_BASE: plan.base,
    KEEPER_RUN: specification.runFolder,
    KEEPER_RUNTIME: specification.runtime,
    KEEPER_HOME: specification.homeFile,
    KEEPER_DISK: String(homeBytes(specification)),
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

const handle = (server: Server): number => (server as unknown as { _handle: { fd: number } })._handle.fd;

/** What a keeper inherits. */
export interface KeeperHandles {
  /** The agent's listening socket. */
  socket: Server;
  /** The lease of the ids, held as long as the keeper lives. */
  lease: Server;
  /** A file for what the keeper, crun and the agent say on standard error. */
  log: number;
}

/** 4 to 8, which the keeper opens itself. */
const keeperOwn = Array.from({ length: 5 }, () => 'ignore' as const);

/** Starts the keeper, which waits for `keeperReady` and `go`. */
export function startKeeper(
  specification: BoxSpecification,
  plan: BoxPlan,
  kind: LimitKind,
  { socket, lease, log }: KeeperHandles,
): ChildProcess {
  const [command, ...args] = keeperCommand(specification, kind);
  const bus = kind === 'systemd' ? userBus() : {};
  const { holdOutput } = specification;
  return spawn(command!, args, {
    detached: true,
    cwd: '/',
    env: { ...bus, ...keeperVariables(specification, plan) },
    stdio: ['pipe', 'pipe', log, handle(socket), ...keeperOwn, handle(lease), holdOutput ? 1 : 'ignore'],
  });
}

function userBus(): Record<string, string> {
  const names = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];
  return Object.fromEntries(names.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** Waits until the keeper tells that its namespaces are there. */
export async function keeperReady(keeper: ChildProcess): Promise<void> {
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
export async function mapIds(pid: number, first: number): Promise<void> {
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

/** Lets the keeper go on, with the folders of the cgroups. That it died meanwhile is seen by the agent's silence. */
export function go(keeper: ChildProcess, groups: string[]): void {
  keeper.stdin!.on('error', () => {});
  keeper.stdin!.end(`go ${groups.join(' ')}\n`);
  keeper.stdout!.destroy();
  keeper.unref();
}

/** The keeper as the machine counts it: the one child of the process that made its pid namespace. */
export const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

/** What /proc tells of the world's processes and sockets. The box sees them all; the world is told from the box by its pid namespace. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { worldOffset, worldUsers } from '../../box/specification.ts';
import type { Methods, ProcessStatus } from '../protocol/messages.ts';

type Port = Methods['port.list']['result']['ports'][number];

const ticksPerSecond = 100;
const mostProcesses = 500;
const mostCommand = 4096;

/** A process as the box counts. */
export interface BoxProcess {
  pid: number;
  parent: number;
  session: number;
  startTicks: number;
}

const numbers = (folder: string): number[] => readdirSync(folder).map(Number).filter(Number.isInteger);

/** Undefined where it ended meanwhile. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function readStat(pid: number): BoxProcess {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // After the name, which may hold anything: state, parent, group, session, …, start.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(fields[1]), session: Number(fields[3]), startTicks: Number(fields[19]) };
}

const pidSpace = (pid: number): string => readlinkSync(`/proc/${pid}/ns/pid`);

/** The world's processes but its first, which is ours. */
export function worldProcesses(worldPid: number): BoxProcess[] {
  const space = attempt(() => pidSpace(worldPid));
  if (space === undefined) return [];
  return numbers('/proc')
    .filter(pid => pid !== worldPid && attempt(() => pidSpace(pid)) === space)
    .flatMap(pid => attempt(() => readStat(pid)) ?? []);
}

/** When the machine started, as process start times count; fixed, so that the same process always has the same time. */
const bootMs = Date.now() - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

/** The learner's processes, with the ids that the world has for them. */
export function listProcesses(worldPid: number): ProcessStatus[] {
  const all = worldProcesses(worldPid).slice(0, mostProcesses);
  const found = all.flatMap(process => attempt(() => describe(process)) ?? []);
  const inWorld = new Map(found.map(({ process, pid }) => [process.pid, pid]));
  return found
    .filter(({ command, user }) => command.length > 0 && user !== worldUsers.root)
    .map(({ process, pid, user, command }) => ({
      pid,
      parent: inWorld.get(process.parent) ?? (process.parent === worldPid ? 1 : 0),
      user,
      command,
      startedMs: Math.round(bootMs + (process.startTicks * 1000) / ticksPerSecond),
    }));
}

function describe(process: BoxProcess): { process: BoxProcess; pid: number; user: number; command: string[] } {
  const status = readFileSync(`/proc/${process.pid}/status`, 'utf8');
  const ids = (name: string): number[] =>
    (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).map(Number);
  const commandLine = readFileSync(`/proc/${process.pid}/cmdline`).subarray(0, mostCommand).toString();
  return {
    process,
    pid: ids('NSpid')[1] ?? 0,
    user: ids('Uid')[0]! - worldOffset,
    command: commandLine === '' ? [] : commandLine.replace(/\0$/, '').split('\0'),
  };
}

const listening = '0A';

function address(hex: string): string {
  const words = hex.match(/.{8}/g)!.map(word => Buffer.from(word, 'hex').reverse());
  if (words.length === 1) return [...words[0]!].join('.');
  const bytes = Buffer.concat(words);
  if (bytes.every(byte => byte === 0)) return '::';
  if (bytes.subarray(0, 12).equals(Buffer.from('00000000000000000000ffff', 'hex')))
    return [...bytes.subarray(12)].join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

function listeners(worldPid: number): { address: string; port: number; inode: string }[] {
  return ['tcp', 'tcp6'].flatMap(name =>
    (attempt(() => readFileSync(`/proc/${worldPid}/net/${name}`, 'latin1')) ?? '')
      .split('\n')
      .slice(1)
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[3] === listening)
      .map(fields => {
        const [host, port] = fields[1]!.split(':');
        return { address: address(host!), port: Number.parseInt(port!, 16), inode: fields[9]! };
      }),
  );
}

/** The number that the box's newest process was given: every process of the world has one in the box, too. */
const newestPid = (): string => readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1)!;

/** How many TCP sockets the world's network has. */
const socketCounts = (worldPid: number): string[] =>
  ['sockstat', 'sockstat6'].map(name => {
    const text = attempt(() => readFileSync(`/proc/${worldPid}/net/${name}`, 'latin1'));
    return /^TCP6?: inuse (\d+)/m.exec(text ?? '')?.[1] ?? '';
  });

/** One socket may have taken another's place: all is read anew at least so often. */
const longestGlanceMs = 10_000;
let known = { glance: '', atMs: 0, fingerprint: '' };

/**
 * A short text that differs whenever processes or listening sockets do. Asked for every second in every sandbox, most of which rest: what is seen at a
 * glance saves reading the tables of sockets, for which the kernel walks all of the machine's (2 ms each).
 */
export function fingerprint(worldPid: number, nowMs = performance.now()): string {
  const glance = [worldPid, newestPid(), numbers('/proc'), socketCounts(worldPid)].join();
  if (glance === known.glance && nowMs - known.atMs < longestGlanceMs) return known.fingerprint;
  const processes = worldProcesses(worldPid).map(({ pid, startTicks }) => `${pid}-${startTicks}`);
  const ports = listeners(worldPid).map(({ address: host, port, inode }) => `${host}-${port}-${inode}`);
  known = { glance, atMs: nowMs, fingerprint: `${processes.join()} ${ports.sort().join()}` };
  return known.fingerprint;
}

/** The TCP sockets that listen in the world's network, and whose they are. */
export function listPorts(worldPid: number): Port[] {
  const found = listeners(worldPid);
  const owners = new Map<string, number>();
  for (const { pid } of worldProcesses(worldPid))
    for (const inode of attempt(() => socketsOf(pid)) ?? []) owners.set(inode, attempt(() => worldPidOf(pid)) ?? pid);
  return found.map(({ address: host, port, inode }) => ({ address: host, port, pid: owners.get(inode) ?? null }));
}

function socketsOf(pid: number): string[] {
  return numbers(`/proc/${pid}/fd`).flatMap(
    descriptor =>
      /^socket:\[(\d+)\]$/.exec(attempt(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`)) ?? '')?.[1] ?? [],
  );
}

function worldPidOf(pid: number): number {
  const line = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]?.split(/\s+/)[1] ?? pid);
}

/** Kills a program and all of its session. */
export function killSession(pid: number): void {
  const members = numbers('/proc').filter(one => one > 1 && attempt(() => readStat(one))?.session === pid);
  for (const one of new Set([...members, pid])) attempt(() => process.kill(one, 'SIGKILL'));
}

/** Kills all that a user of the world runs; `id` as the box counts. */
export function killUser(id: number): void {
  for (const pid of numbers('/proc')) {
    const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'utf8'));
    if (status && new RegExp(`^Uid:\\s*${id}\\s`, 'm').test(status)) attempt(() => process.kill(pid, 'SIGKILL'));
  }
}

/** Memory and processes of the whole sandbox. */
export function usage(): Methods['usage']['result'] {
  const all = numbers('/proc');
  let memoryBytes = 0;
  for (const pid of all) {
    const rollup = attempt(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
    memoryBytes += Number(/^Pss:\s*(\d+)/m.exec(rollup ?? '')?.[1] ?? 0) * 1024;
  }
  return { memoryBytes, processes: all.length };
}

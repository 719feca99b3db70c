/** Memory of processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessMemory {
  pid: number;
  command: string;
  /** kB that no other process has. */
  private: number;
  /** kB with its share of what several have. */
  proportional: number;
}

/** A process and all below it. */
export function family(root: number): number[] {
  const parents = new Map(allProcesses().map(pid => [pid, parentOf(pid)]));
  const belongs = (pid: number): boolean => pid === root || (parents.has(pid) && belongs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(belongs);
}

export function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

export function memoryOf(pid: number): ProcessMemory | null {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  if (rollup === '') return null;
  const value = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1] ?? 0);
  return {
    pid,
    command: commandOf(pid),
    private: value('Private_Clean') + value('Private_Dirty'),
    proportional: value('Pss'),
  };
}

export function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // ended meanwhile, or someone else's
    return '';
  }
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { family } from '../bench/processes.ts';
import { onMachine } from './machine.ts';
import type { Outside } from './outside.ts';

/** What the box program noted of a sandbox. */
export function stateOf(data: string, id: string): { keeper: number; firstId: number; homeFile: string } {
  return JSON.parse(readFileSync(join(data, 'sandboxes', id, 'state.json'), 'utf8'));
}

/** Sandboxes on this machine: a folder and a keeper each. */
export function localOutside(data: string): Outside {
  const folder = (name: string): string[] => {
    const path = join(data, name);
    return existsSync(path) ? readdirSync(path) : [];
  };
  return {
    // The trial of a server that has just started may still be there beside them.
    sandboxes: async () => folder('sandboxes').filter(id => !id.startsWith('trial')),
    kill: async id => void process.kill(stateOf(data, id).keeper, 'SIGKILL'),
    traces: async ids => [
      ...onMachine(ids),
      ...folder('sandboxes')
        .filter(id => ids.includes(id))
        .map(id => `folder of ${id}`),
    ],
    savedAt: async id => statSync(stateOf(data, id).homeFile, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    processes: async id => family(stateOf(data, id).keeper),
    homes: async () => folder('homes').map(file => basename(file, '.tar')),
  };
}

/** What there is on this machine of sandboxes, by their ids. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Mounts, processes and control groups whose description has one of these ids in it. */
export function onMachine(ids: string[]): string[] {
  const has = (text: string): boolean => ids.some(id => text.includes(id));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(has);
  const processes = readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && has(about(pid)));
  const groups = groupFolders().filter(has);
  return [...mounts, ...processes.map(pid => `process ${pid}: ${about(pid)}`), ...groups];
}

/** What a process was started with, as far as it may be read. */
function about(pid: string): string {
  return ['environ', 'cmdline', 'cgroup']
    .map(file => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    })
    .join(' ');
}

function groupFolders(): string[] {
  const below = (folder: string): string[] => {
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => join(folder, entry.name));
    } catch {
      return [];
    }
  };
  const root = '/sys/fs/cgroup';
  return [root, ...below(root)].flatMap(folder => below(join(folder, 'unicorn')));
}

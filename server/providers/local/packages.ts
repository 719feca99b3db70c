/** How programs are installed on the system at hand. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

type Manager = 'apt-get' | 'dnf' | 'pacman' | 'zypper' | 'apk';

const install: Record<Manager, string> = {
  'apt-get': 'apt-get install -y',
  dnf: 'dnf install -y',
  pacman: 'pacman -S --needed',
  zypper: 'zypper install',
  apk: 'apk add',
};

/** As images/tools.json has it. */
interface Tool {
  programs: string[];
  package: string;
  others?: Partial<Record<Manager, string>>;
}

const tools = (): Tool[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../images/tools.json'), 'utf8')) as Tool[];

/** The path of a program, as the server finds it. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders
    .filter(Boolean)
    .map(folder => join(folder, name))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The packages of programs, each once. */
export const packageNames = (programs: string[], manager: Manager): Set<string> =>
  new Set(
    programs.map(program => {
      const tool = tools().find(one => one.programs.includes(program));
      return tool?.others?.[manager] ?? tool?.package ?? program;
    }),
  );

/** The line that installs programs here. */
export function installLine(programs: string[]): string {
  const manager = (Object.keys(install) as Manager[]).find(name => findProgram(name));
  if (!manager) return `install ${programs.join(', ')} with your system's package manager`;
  const names = packageNames(programs, manager);
  return `${process.getuid?.() === 0 ? '' : 'sudo '}${install[manager]} ${[...names].join(' ')}`;
}

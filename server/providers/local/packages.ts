/** How programs are installed on the system at hand. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

type Manager = 'apt-get' | 'dnf' | 'pacman' | 'zypper' | 'apk';

const install: Record<Manager, string> = {
  'apt-get': 'apt-get install -y',
  dnf: 'dnf install -y',
  pacman: 'pacman -S --needed',
  zypper: 'zypper install',
  apk: 'apk add',
};

const mapping = {
  'apt-get': 'uidmap',
  dnf: 'shadow-utils',
  pacman: 'shadow',
  zypper: 'shadow',
  apk: 'shadow-uidmap',
};
const utilLinux = { 'apt-get': 'util-linux', dnf: 'util-linux', pacman: 'util-linux', zypper: 'util-linux' };

/** Names of packages where they are not the program's. */
const packages: Record<string, Partial<Record<Manager, string>>> = {
  newuidmap: mapping,
  newgidmap: mapping,
  'dbus-user-session': { dnf: 'dbus-daemon', pacman: 'dbus', zypper: 'dbus-1', apk: 'dbus' },
  ip: { 'apt-get': 'iproute2', dnf: 'iproute', pacman: 'iproute2', zypper: 'iproute2', apk: 'iproute2' },
  iptables: { dnf: 'iptables-nft' },
  unshare: { ...utilLinux, apk: 'util-linux-misc' },
  setpriv: { ...utilLinux, apk: 'setpriv' },
  mount: { ...utilLinux, 'apt-get': 'mount', apk: 'mount' },
};

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
  new Set(programs.map(program => packages[program]?.[manager] ?? program));

/** The line that installs programs here. */
export function installLine(programs: string[]): string {
  const manager = (Object.keys(install) as Manager[]).find(name => findProgram(name));
  if (!manager) return `install ${programs.join(', ')} with your system's package manager`;
  const names = packageNames(programs, manager);
  return `${process.getuid?.() === 0 ? '' : 'sudo '}${install[manager]} ${[...names].join(' ')}`;
}

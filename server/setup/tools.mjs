/** The programs of the system that sandboxes and tests need: found, or installed by the system's package manager. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run, SetupError, step } from './progress.mjs';

/**
 * A line of images/tools.json: a program, or several names of one, the package that brings it (as Debian and most name it), and what it is for.
 * @typedef {'apt-get' | 'dnf' | 'pacman' | 'zypper' | 'apk'} Manager
 * @typedef {'sandbox' | 'lessons' | 'image' | 'tests'} Use
 * @typedef {{ programs: string[], package: string, others?: Partial<Record<Manager, string>>, for: Use[] }} Tool
 */

const file = join(dirname(fileURLToPath(import.meta.url)), '../../images/tools.json');

/** @returns {Tool[]} */
const tools = () => JSON.parse(readFileSync(file, 'utf8'));

/** @type {Record<Manager, { install: string[], refresh: string[] }>} */
const managers = {
  'apt-get': { install: ['install', '-y', '--no-install-recommends'], refresh: ['update'] },
  dnf: { install: ['install', '-y', '--setopt=install_weak_deps=False'], refresh: ['makecache'] },
  pacman: { install: ['-S', '--noconfirm', '--needed'], refresh: ['-Sy'] },
  zypper: { install: ['--non-interactive', 'install', '--no-recommends'], refresh: ['refresh'] },
  apk: { install: ['add'], refresh: ['update'] },
};

/**
 * The tools that are missing on this machine.
 * @param {Use[]} uses what they are needed for
 */
export function missingTools(uses) {
  return tools().filter(tool => tool.for.some(use => uses.includes(use)) && !tool.programs.some(isThere));
}

/**
 * Installs tools where that is allowed; otherwise throws with the line to type.
 * @param {Tool[]} missing
 */
export async function installTools(missing) {
  const names = missing.map(({ programs }) => programs[0]).join(', ');
  const manager = /** @type {Manager[]} */ (Object.keys(managers)).find(isThere);
  if (!manager)
    throw new SetupError(
      `Missing: ${names}.`,
      'Install them with the package manager of this system, then start again.',
    );
  const packages = missing.map(tool => tool.others?.[manager] ?? tool.package);
  const install = [manager, ...managers[manager].install, ...new Set(packages)];
  const prefix = await allowed(names, install);
  const done = await step(`Installing ${names}`, () => attempt(manager, prefix, install));
  const still = missing.filter(({ programs }) => !programs.some(isThere));
  if (still.length === 0) return;
  const end = done.output
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-8);
  throw new SetupError(
    `${names} could not be installed.\n${end.map(line => `    ${line}`).join('\n')}`,
    lineToType(install),
  );
}

/**
 * Installs; where the package lists are missing or stale, fetches them and tries once more.
 * @param {Manager} manager
 * @param {string[]} prefix
 * @param {string[]} install
 */
async function attempt(manager, prefix, install) {
  const first = await execute([...prefix, ...install]);
  if (first.status === 0) return first;
  await execute([...prefix, manager, ...managers[manager].refresh]);
  return execute([...prefix, ...install]);
}

/** @param {string[]} command */
function execute([program = '', ...args]) {
  return run(program, args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
}

/**
 * What has to stand before the command so that it may install: nothing for root, sudo where it needs no password or the person agrees.
 * @param {string} names
 * @param {string[]} install
 */
async function allowed(names, install) {
  const announce = () => process.stderr.write(`  Unicorn needs ${names}: ${lineToType(install)}\n`);
  if (process.getuid?.() === 0) {
    announce();
    return [];
  }
  const stop = new SetupError(`Unicorn needs ${names}, and this user may not install it.`, lineToType(install));
  if (!isThere('sudo')) throw stop;
  const bySudo = ['sudo', '-n', 'env', 'DEBIAN_FRONTEND=noninteractive'];
  if ((await run('sudo', ['-n', 'true'])).status === 0) {
    announce();
    return bySudo;
  }
  if (!(process.stdin.isTTY && process.stderr.isTTY)) throw stop;
  await consent(names, install);
  return bySudo;
}

/**
 * Asks, then lets sudo ask for the password once.
 * @param {string} names
 * @param {string[]} install
 */
async function consent(names, install) {
  const stop = new SetupError(`Unicorn needs ${names}; nothing was installed.`, lineToType(install));
  const answer = await ask(`Unicorn needs ${names}. Run \`sudo ${install.join(' ')}\` now? [Y/n] `);
  if (!/^(y(es)?)?$/i.test(answer.trim())) throw stop;
  const { status } = await run('sudo', ['-v'], { stdio: 'inherit' });
  if (status !== 0) throw stop;
}

/**
 * Asks at the terminal. Its end (Ctrl-D) is a no.
 * @param {string} question
 * @returns {Promise<string>}
 */
function ask(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise(resolve => {
    terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    terminal.on('close', () => resolve('no'));
    terminal.question(question, answer => {
      resolve(answer);
      terminal.close();
    });
  });
}

/** @param {string[]} install */
function lineToType(install) {
  return `${process.getuid?.() === 0 ? '' : 'sudo '}${install.join(' ')}`;
}

/** @param {string} program */
function isThere(program) {
  // Debian leaves the administrator's folders out of a plain user's PATH; the box looks there too
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some(
    folder => folder !== '' && existsSync(join(folder, program)) && executable(join(folder, program)),
  );
}

/** @param {string} file */
function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

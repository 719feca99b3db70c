/** The npm packages, among them the Node that everything here runs on. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, SetupError, step } from './progress.mjs';

/** @typedef {Record<string, { version?: string, optional?: boolean, dev?: boolean, os?: string[] }>} Packages */

/**
 * Where the Node of this checkout is.
 * @param {string} top
 */
export function nodeOf(top) {
  return join(top, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/**
 * Whether what is in node_modules is what the lock file names.
 * @param {string} top
 * @param {boolean} forTests whether the tests' packages are needed too
 */
export function packagesAreThere(top, forTests) {
  const found = packagesOf(join(top, 'node_modules/.package-lock.json'));
  return (
    Object.entries(wanted(top, forTests)).every(([path, { version }]) => found[path]?.version === version) &&
    nodeRuns(top)
  );
}

/**
 * The packages of the lock file that every system needs.
 * @param {string} top
 * @param {boolean} forTests
 * @returns {Packages}
 */
function wanted(top, forTests) {
  const all = Object.entries(packagesOf(join(top, 'package-lock.json')));
  return Object.fromEntries(
    all.filter(([path, entry]) => path !== '' && !entry.optional && !entry.os && (forTests || !entry.dev)),
  );
}

/**
 * Installs the packages of the lock file.
 * @param {string} top
 * @param {boolean} forTests
 */
export async function installPackages(top, forTests) {
  const paths = Object.keys(wanted(top, forTests));
  const detail = () => {
    const count = paths.filter(path => existsSync(join(top, path, 'package.json'))).length;
    return count === paths.length ? 'now Node 24 (45 MB)' : `${count} of ${paths.length}`;
  };
  const kinds = forTests ? ['--include=dev'] : ['--omit=dev'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=optional', ...kinds];
  await step('Installing packages', () => npmOrThrow(top, args), detail);
  if (!nodeRuns(top)) await installNode(top);
}

/**
 * An npm that does not run install scripts leaves the package `node` without its program: then its script is run from here.
 * @param {string} top
 */
async function installNode(top) {
  const directory = join(top, 'node_modules/node');
  const install = () =>
    run('node', ['installArchSpecificPackage'], { cwd: directory, env: environment(top), whole: true });
  const { output } = await step('Installing Node 24', install);
  if (nodeRuns(top)) return;
  throw new SetupError(
    `Node 24 could not be installed.\n${why(output)}`,
    `(cd ${JSON.stringify(directory)} && node installArchSpecificPackage)`,
  );
}

/** @param {string} top */
function nodeRuns(top) {
  try {
    accessSync(nodeOf(top), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} file
 * @returns {Packages}
 */
function packagesOf(file) {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')).packages ?? {}) : {};
}

/**
 * @param {string} top
 * @param {string[]} args
 */
async function npmOrThrow(top, args) {
  const { status, output } = await npm(top, args);
  if (status !== 0) throw new SetupError(`npm could not install the packages.\n${why(output)}`, remedyFor(output));
}

/**
 * @param {string} top
 * @param {string[]} args
 */
async function npm(top, args) {
  try {
    return await run('npm', args, {
      cwd: top,
      env: environment(top),
      shell: process.platform === 'win32',
      whole: true,
    });
  } catch {
    throw new SetupError('npm is not there.', 'Install Node 20 or newer together with npm, then start again.');
  }
}

/**
 * The environment for npm, which replaces node_modules: nothing in there may be what runs it.
 * @param {string} top
 */
function environment(top) {
  const own = join(top, 'node_modules');
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.startsWith(own));
  return { ...process.env, PATH: path.join(delimiter) };
}

/** @param {string} output */
function why(output) {
  const lines = output.split('\n').filter(line => line.trim() !== '' && !/A complete log|npm error? *$/.test(line));
  return lines
    .slice(-12)
    .map(line => `    ${line}`)
    .join('\n');
}

/** @param {string} output */
function remedyFor(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network/.test(output)) {
    return 'The package registry did not answer. Check the network (`npm ping`, `npm config get registry`, `npm config get proxy`), then start again: it goes on from what was downloaded.';
  }
  if (/CERT|certificate/.test(output)) {
    return 'The package registry is not trusted here. Behind a company proxy: `npm config set cafile FILE`, then start again.';
  }
  if (/ENOSPC/.test(output)) return 'The disk is full: about 1 GB is needed.';
  if (/EACCES|EPERM|EROFS/.test(output))
    return 'This folder cannot be written. Take ownership of it, or clone to another place.';
  return 'Mend that, then start again.';
}

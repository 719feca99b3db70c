/** Runs a program of the repo on the repo's own Node: in this process where that is what runs here, else in a child with the same flags of Node. */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodeOf } from './packages.mjs';

/**
 * @param {string} top
 * @param {string} entry
 * @param {string[]} args
 */
export async function launch(top, entry, args) {
  if (realpathSync(process.execPath) !== realpathSync(nodeOf(top))) return launchChild(top, entry, args);
  process.argv = [process.execPath, join(top, entry), ...args];
  module.enableCompileCache(join(top, 'server/setup/dist/compile-cache'));
  await import(pathToFileURL(join(top, entry)).href);
}

/** How often it is looked whether npm is still there, in milliseconds. */
const watchInterval = 1000;

/**
 * Who was started by another Node, or by npm, ends when that is gone, since nobody would find it then: npm passes a signal on to a shell, and the
 * shell ends without passing it on. To be called first: whose parent is gone already has another one.
 */
export function endWithParent() {
  const end = () => process.kill(process.pid, 'SIGTERM');
  if (process.channel) process.once('disconnect', end);
  process.channel?.unref();
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, watchInterval);
  timer.unref();
}

/**
 * @param {string} top
 * @param {string} entry
 * @param {string[]} args
 */
function launchChild(top, entry, args) {
  const self = join(fileURLToPath(new URL('.', import.meta.url)), 'run.mjs');
  const child = spawn(nodeOf(top), [...process.execArgv, self, entry, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      process.exitCode = status ?? 1;
      if (signal) {
        process.removeAllListeners(signal);
        process.kill(process.pid, signal);
      }
      resolve(undefined);
    });
  });
}

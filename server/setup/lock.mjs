/** One set-up at a time for a checkout: held as a listening socket, so that the system frees it however its holder ends. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Waits until no other set-up of this folder runs, and holds others off until the function that it returns is called.
 * @param {string} folder
 * @param {() => void} onWait called when another one is at work
 * @returns {Promise<() => void>}
 */
export async function lock(folder, onWait) {
  const address = addressOf(folder);
  for (let told = false; ; told = true) {
    const server = await listen(address);
    if (server) return () => server.close();
    if (!told) onWait();
    await untilGone(address);
  }
}

/** @param {string} folder */
function addressOf(folder) {
  const user = process.getuid?.() ?? 0;
  const name = `unicorn-setup-${user}-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

/**
 * @param {string} address
 * @returns {Promise<import('node:net').Server | null>} null: someone else listens
 */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.unref();
    server.on('error', error => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

/** @param {string} address */
function untilGone(address) {
  return new Promise(resolve => {
    const socket = connect(address);
    socket.on('error', error => {
      const left = /** @type {NodeJS.ErrnoException} */ (error).code === 'ECONNREFUSED' && address.startsWith('/');
      if (left) rmSync(address, { force: true });
    });
    socket.on('close', resolve);
    socket.resume();
  });
}

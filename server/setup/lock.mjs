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
    const release = await listen(address);
    if (release) return release;
    if (!told) onWait();
    await untilGone(address);
  }
}

/**
 * Where the lock of a folder listens.
 * @param {string} folder
 */
export function addressOf(folder) {
  const user = process.getuid?.() ?? 0;
  const name = `unicorn-setup-${user}-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

/**
 * Who waits is connected, and hears of the end by that: so its connection ends with the lock, not with the process that held it.
 * @param {string} address
 * @returns {Promise<(() => void) | null>} stops listening; null: someone else listens
 */
function listen(address) {
  return new Promise((resolve, reject) => {
    /** @type {Set<import('node:net').Socket>} */
    const waiting = new Set();
    const server = createServer(socket => {
      waiting.add(socket);
      socket.unref();
      socket.on('error', () => socket.destroy());
      socket.on('close', () => waiting.delete(socket));
      socket.resume();
    });
    const release = () => {
      server.close();
      for (const socket of waiting) socket.destroy();
    };
    server.unref();
    server.on('error', error => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(address, () => resolve(release));
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

/** The unix socket of an agent: made outside of the sandbox, in a folder that is not in it, and inherited. */
import { closeSync, openSync, renameSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { socketName } from './state.ts';

/** Does something with a path to the folder that is short enough for a socket's address, however deep the folder lies. */
async function withShortPath<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
  const descriptor = openSync(folder, 'r');
  try {
    return await use(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Listens, for a child process to inherit. Close it here once the child has it: nobody may connect before.
 * Bound under another name first, since closing removes the name that was bound.
 */
export function listenFor(folder: string): Promise<Server> {
  return withShortPath(
    folder,
    path =>
      new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(join(path, `${socketName}.new`), () => {
          renameSync(join(folder, `${socketName}.new`), join(folder, socketName));
          resolve(server);
        });
      }),
  );
}

export function connectTo(folder: string): Promise<Socket> {
  return withShortPath(
    folder,
    path =>
      new Promise((resolve, reject) => {
        const socket = createConnection(join(path, socketName));
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.off('error', reject);
          resolve(socket);
        });
      }),
  );
}

/** Resolves when the agent said something to a new connection; rejects when it hangs up or `signal` says so. */
export async function agentAnswers(folder: string, signal: AbortSignal): Promise<void> {
  const socket = await connectTo(folder);
  const stop = (): void => void socket.destroy(new Error('the agent did not answer in time'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('data', () => resolve());
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the agent ended before it answered')));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

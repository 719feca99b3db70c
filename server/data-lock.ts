import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { portTaken, StartError } from './errors.ts';
import type { Settings } from './settings.ts';

/**
 * Sees to it that one server uses a data folder at a time: two would fight over its sandboxes. The lock is the system's own on a file, so that it is gone
 * whenever its holder is. Answers how to give it back.
 *
 * @throws StartError
 */
export async function lockDataFolder({
  data,
  host,
  port,
}: Pick<Settings, 'data' | 'host' | 'port'>): Promise<() => void> {
  const unlock = tryLockFolder(data);
  if (unlock) return unlock;
  if (await isTaken(host, port)) throw portTaken(port);
  throw new StartError(
    `Another Unicorn uses the data folder ${data}.`,
    'Stop it, or give this one a folder of its own: npm start -- --data FOLDER',
  );
}

/** Locks a folder if nobody has it. Answers how to give it back; null: somebody has it. @throws StartError where it cannot be written to */
export function tryLockFolder(data: string): (() => void) | null {
  const database = openLock(data);
  try {
    database.exec('begin exclusive');
    return () => database.close();
  } catch (error) {
    database.close();
    if (!/locked/.test((error as Error).message)) throw error;
    return null;
  }
}

function openLock(data: string): DatabaseSync {
  try {
    return new DatabaseSync(join(data, 'server.lock'), { timeout: 0 });
  } catch (error) {
    throw new StartError(
      `The data folder ${data} cannot be written to (${(error as Error).message}).`,
      'Make it yours, or name another one with --data FOLDER.',
    );
  }
}

async function isTaken(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
  server.listen({ host, port }, () => server.close(() => resolve(false)));
  return promise;
}

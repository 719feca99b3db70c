/** `npm start -- backup FILE` and `npm start -- restore FILE`. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Kysely } from '#kysely';
import { lockDataFolder } from './data-lock.ts';
import { StartError } from './errors.ts';
import { knownOwner, setOwner } from './providers/owner.ts';
import { makeDataFolder } from './secrets.ts';
import type { Settings } from './settings.ts';
import { dump, isEmpty, restore } from './store/backup.ts';
import { KyselyClassStore } from './store/class-store.ts';
import { databaseOf } from './store/database.ts';
import { openTables, storeOf } from './store/kysely-store.ts';
import type { Tables } from './store/tables.ts';

/** Writes the store to a file, also while servers use it; the file is there whole or not at all. Answers the number of rows. */
export async function backUp(settings: Settings, file: string): Promise<number> {
  await makeDataFolder(settings.data);
  const db = await openTables((await databaseOf(settings)).dialect);
  const half = `${file}.${process.pid}`;
  try {
    await storeOwner(settings, db);
    const handle = await openNew(half);
    let lines = 0;
    try {
      for await (const line of dump(db)) {
        await handle.write(line);
        lines++;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(half, file);
    return lines - 2;
  } finally {
    await rm(half, { force: true });
    await db.destroy();
  }
}

/**
 * Containers and volumes of a data folder are found by the name in it; those of a database by the one in there. A backup has the one that is in use, so
 * that homes are found again wherever it is restored.
 */
async function storeOwner({ data, databaseUrl }: Settings, db: Kysely<Tables>): Promise<void> {
  const owner = databaseUrl === null ? await knownOwner(data) : undefined;
  if (owner !== undefined) await new KyselyClassStore(db).setSecret('owner', owner);
}

async function takeOwner({ data, databaseUrl }: Settings, db: Kysely<Tables>): Promise<void> {
  const owner = databaseUrl === null ? await new KyselyClassStore(db).secret('owner') : null;
  if (owner !== null) await setOwner(data, owner);
}

/** For its owner alone: secrets are in it. */
async function openNew(file: string) {
  try {
    return await open(file, 'wx', 0o600);
  } catch (error) {
    throw new StartError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}).`, 'Name another file.');
  }
}

/** Puts a backup in the place of the store; no server may use it meanwhile. `replace`: even if there are learners. Answers the number of rows. */
export async function restoreFrom(settings: Settings, file: string, replace: boolean): Promise<number> {
  const text = await readBackup(file);
  await makeDataFolder(settings.data);
  const unlock = settings.databaseUrl === null ? await lockDataFolder(settings) : () => {};
  const { dialect, now } = await databaseOf(settings);
  const db = await openTables(dialect);
  try {
    const living = (await storeOf(db, now).replicas.replicas()).filter(({ expired }) => !expired);
    if (living.length > 0) throw inUse(living.map(({ address }) => address));
    if (!replace && !(await isEmpty(db)))
      throw new StartError(
        'There are learners in this store already.',
        'To lose them: npm start -- restore FILE --replace',
      );
    const rows = await restore(db, text, file);
    await takeOwner(settings, db);
    return rows;
  } finally {
    await db.destroy();
    unlock();
  }
}

function inUse(addresses: string[]): StartError {
  return new StartError(`Servers use this database: ${addresses.join(', ')}.`, 'Stop them first.');
}

async function readBackup(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new StartError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

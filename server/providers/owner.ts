/** The name by which a server knows its own containers or pods where others have theirs too. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The one in the data folder, made up when there is none: a path would be the same on two machines. */
export async function ownerOf(data: string): Promise<string> {
  const known = await knownOwner(data);
  if (known !== undefined) return known;
  await mkdir(data, { recursive: true, mode: 0o700 });
  return checked(await makeUp(fileOf(data)), data);
}

/** The one in the data folder, where there is one. */
export async function knownOwner(data: string): Promise<string | undefined> {
  const owner = await readIfThere(fileOf(data));
  return owner === undefined ? undefined : checked(owner, data);
}

/** Whoever uses this data folder is this owner from now on. */
export async function setOwner(data: string, owner: string): Promise<void> {
  const fresh = `${fileOf(data)}.${process.pid}`;
  await writeFile(fresh, `${checked(owner, data)}\n`, { mode: 0o600 });
  await rename(fresh, fileOf(data));
}

const fileOf = (data: string): string => join(data, 'owner');

function checked(owner: string, data: string): string {
  if (/^[a-z0-9]{4,12}$/.test(owner)) return owner;
  throw new Error(`${fileOf(data)} holds ${JSON.stringify(owner)}, no name of an owner`);
}

/** The file is there whole or not at all, whoever looks meanwhile; of two that make one up, the first has made it. */
async function makeUp(file: string): Promise<string> {
  const made = randomBytes(6).toString('hex');
  const fresh = `${file}.${made}`;
  await writeFile(fresh, `${made}\n`, { mode: 0o600 });
  try {
    await link(fresh, file);
  } catch (error) {
    // Some file systems have no links.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rename(fresh, file);
  } finally {
    await rm(fresh, { force: true });
  }
  return (await readFile(file, 'utf8')).trim();
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

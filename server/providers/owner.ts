/** The name by which a server knows its own containers or pods where others have theirs too. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The one in the data folder, made up when there is none: a path would be the same on two machines. */
export async function ownerOf(data: string): Promise<string> {
  const file = join(data, 'owner');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const owner = (await readIfThere(file)) ?? (await makeUp(file));
  if (!/^[a-z0-9]{4,12}$/.test(owner)) throw new Error(`${file} holds ${JSON.stringify(owner)}, no name of an owner`);
  return owner;
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

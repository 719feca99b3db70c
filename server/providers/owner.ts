/** The name by which a server knows its own containers or pods where others have theirs too. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The one in the data folder, made up when there is none: a path would be the same on two machines. */
export async function ownerOf(data: string): Promise<string> {
  const file = join(data, 'owner');
  await mkdir(data, { recursive: true, mode: 0o700 });
  const made = randomBytes(6).toString('hex');
  await writeFile(file, `${made}\n`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const owner = (await readFile(file, 'utf8')).trim();
  if (!/^[a-z0-9]{4,12}$/.test(owner)) throw new Error(`${file} holds ${JSON.stringify(owner)}, no name of an owner`);
  return owner;
}

/** The content that a class began with: kept in the store, so that it goes on with it whatever comes into the labs folder. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Workshop } from '../labs/content.ts';
import { contentDigest, entriesBelow } from '../labs/digest.ts';
import { loadCachedWorkshop } from '../labs/workshop-cache.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);
/** More than any content has; what is read back is bounded. */
const largest = 256 * 1024 * 1024;

/** All files of the folder as one text: gzip of JSON, in base64. Null where they are not those of this revision (any more). */
export async function packContent(folder: string, revision: string): Promise<string | null> {
  const files: Record<string, string> = {};
  for (const entry of entriesBelow(folder)) {
    if (!entry.isFile()) return null;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path)] = (await readFile(path)).toString('base64');
  }
  if (!isOf(folder, revision)) return null;
  return (await compress(JSON.stringify(files))).toString('base64');
}

/**
 * The workshop as it was packed.
 * @param data the server's folder, below which the files are laid out again
 * @throws Error where they are not whole, or this version cannot read them
 */
export async function loadPackedWorkshop(packed: string, revision: string, data: string): Promise<Workshop> {
  const folder = join(data, 'content', revision);
  if (!(await isThere(folder, revision))) await unpack(packed, folder);
  if (!isOf(folder, revision)) throw new Error(`the content ${revision} is not what it was`);
  return loadCachedWorkshop(folder, join(data, 'content', `${revision}.cache`), () => {});
}

async function unpack(packed: string, folder: string): Promise<void> {
  const bytes = await decompress(Buffer.from(packed, 'base64'), { maxOutputLength: largest });
  const files = JSON.parse(bytes.toString()) as Record<string, string>;
  await rm(folder, { recursive: true, force: true });
  for (const [name, content] of Object.entries(files)) {
    const path = resolve(folder, name);
    if (!path.startsWith(folder + sep)) throw new Error(`${name} leads out of the content`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, Buffer.from(content, 'base64'), { mode: 0o600 });
  }
}

async function isThere(folder: string, revision: string): Promise<boolean> {
  try {
    return isOf(folder, revision);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

const isOf = (folder: string, revision: string): boolean => contentDigest(folder).startsWith(revision);

/** The loaded workshop, kept in a file: reading it takes a tenth of what reading, checking and rendering all content takes. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { Workshop } from './content.ts';
import { contentDigest, entriesBelow, hashFile } from './digest.ts';

const code = import.meta.dirname;
const lockFile = resolve(code, '../../package-lock.json');
/** A file is the key, the digest of what follows, and the workshop; both digests are SHA-256. */
const digestLength = 32;

/**
 * The workshop of a folder: from the cache where nothing changed since it was written, else loaded, and cached.
 * @param file where it is kept: in a folder that only this server writes
 * @param onTrouble told when it could not be kept, which costs only time
 * @throws ContentError that names every mistake at its line
 */
export async function loadCachedWorkshop(
  folder: string,
  file: string,
  onTrouble: (error: Error) => void,
): Promise<Workshop> {
  const revision = contentDigest(folder);
  const key = keyOf(revision);
  const cached = await readCache(file, key);
  if (cached) return cached;
  const { loadWorkshop } = await import('./workshop.ts');
  const workshop = await loadWorkshop(folder);
  // a file that was saved in the meantime may be in it or not; and a link may lead to what the key does not see
  if (workshop.revision === revision.slice(0, workshop.revision.length) && !hasLinks(folder))
    await writeCache(file, key, workshop).catch(onTrouble);
  return workshop;
}

/** Of all that the loaded workshop depends on: the content, the code that reads it with its packages, and Node, whose format the file has. */
function keyOf(revision: string): Buffer {
  const hash = createHash('sha256').update(`${revision}\0${process.version}\0`);
  for (const name of readdirSync(code).sort()) {
    if (name.endsWith('.ts') && !name.endsWith('.test.ts')) hashFile(hash, code, join(code, name));
  }
  hashFile(hash, code, lockFile);
  return hash.digest();
}

function hasLinks(folder: string): boolean {
  return entriesBelow(folder).some(entry => !entry.isFile());
}

/** Null where there is none, or where it is another one's, or damaged. */
async function readCache(file: string, key: Buffer): Promise<Workshop | null> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  const body = bytes.subarray(2 * digestLength);
  const head = bytes.subarray(0, 2 * digestLength);
  const expected = Buffer.concat([key, digestOf(body)]);
  return head.equals(expected) ? (deserialize(body) as Workshop) : null;
}

async function writeCache(file: string, key: Buffer, workshop: Workshop): Promise<void> {
  const body = serialize(workshop);
  const half = `${file}.${process.pid}`;
  try {
    await writeFile(half, Buffer.concat([key, digestOf(body), body]), { mode: 0o600 });
    await rename(half, file);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
}

const digestOf = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

import { createHash, type Hash } from 'node:crypto';
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Everything in a folder and below but the folders themselves, in order. */
export function entriesBelow(folder: string): Dirent[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter(entry => !entry.isDirectory()).sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}

/** SHA-256 in hex of every file of the content: changes with every byte and every name. */
export function contentDigest(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of entriesBelow(folder)) if (entry.isFile()) hashFile(hash, folder, pathOf(entry));
  return hash.digest('hex');
}

/** Adds a file to a hash, by its name in `folder` and its content. */
export function hashFile(hash: Hash, folder: string, file: string): void {
  const content = readFileSync(file);
  hash.update(`${relative(folder, file)}\0${content.length}\0`).update(content);
}

const pathOf = (entry: Dirent): string => join(entry.parentPath, entry.name);

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const top = join(import.meta.dirname, '../..');

/** Folders that hold nothing that a person wrote. */
const generated = new Set(['node_modules', 'dist', '.git', 'proxy/api']);

/** Every file of the repo with one of these endings, as paths from the top, in order. */
export async function filesWith(endings: RegExp, folder = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(top, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (generated.has(entry.name) || generated.has(path)) continue;
    if (entry.isDirectory()) found.push(...(await filesWith(endings, path)));
    else if (endings.test(entry.name)) found.push(path);
  }
  return found.sort();
}

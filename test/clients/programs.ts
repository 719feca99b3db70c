/** Programs of others that tests use where they are there. */
import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Where a program is: the file that the variable names, or in the folder that it names, or on the PATH.
 * @returns undefined where there is none
 */
export function findProgram(name: string, variable: string): string | undefined {
  const named = process.env[variable] ?? '';
  const folders = [named, ...(process.env.PATH ?? '').split(delimiter)].filter(folder => folder !== '');
  return [named, ...folders.map(folder => join(folder, name))].find(isFile);
}

function isFile(path: string): boolean {
  return path !== '' && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

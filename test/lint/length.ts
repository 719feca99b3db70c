import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesWith, top } from './files.ts';

/** A file that is longer wants a split, unless its header says that it is a table or a parser's loop. */
export const longest = 400;

/** The source files that are too long. */
export async function checkLengths(): Promise<string[]> {
  const problems: string[] = [];
  for (const file of await filesWith(/\.(ts|tsx|mjs|css)$/)) {
    const problem = judgeLength(file, await readFile(join(top, file), 'utf8'));
    if (problem) problems.push(problem);
  }
  return problems;
}

/** Why a file is too long, or null. */
export function judgeLength(file: string, source: string): string | null {
  const lines = source.split('\n').length - 1;
  const header = source.split('\n', 15).join('\n');
  if (lines <= longest || /^\s*(\/\*\*|\*|\/\/).*\b(table|parser)/im.test(header)) return null;
  return `${file}: ${lines} lines, ${longest} are allowed`;
}

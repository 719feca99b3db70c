import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesWith, top } from '../lint/files.ts';
import { checkLengths } from '../lint/length.ts';
import { checkRooms } from '../lint/rooms.ts';
import { checkTokens } from '../lint/tokens.ts';
import { checkCommand, countedCommand } from './commands.ts';
import { runTests } from './node-tests.ts';
import { single, type Tally } from './tally.ts';

export interface Context {
  signal: AbortSignal;
  onLine: (line: string) => void;
}

/** Tests that belong together and run as one step. */
export interface Group {
  name: string;
  /** Of node:test: what a filter chooses from. */
  files?: string[];
  run: (context: Context) => Promise<Tally>;
}

const minute = 60_000;
const tool = (name: string) => join(top, 'node_modules/.bin', name);

/** Checks of the sources, no tests of what they do. */
const checks: Group[] = [
  {
    name: 'format and lint',
    run: ({ signal }) => checkCommand('biome', [tool('biome'), 'check', '--diagnostic-level=error', '.'], signal),
  },
  { name: 'rooms', run: async () => single('imports between rooms', await checkRooms()) },
  { name: 'lengths', run: async () => single('lengths of files', await checkLengths()) },
  {
    name: 'tokens',
    run: async () => single('colours, spaces and sizes outside of the tokens', await checkTokens()),
  },
  { name: 'types', run: ({ signal }) => checkCommand('types', [tool('tsc'), '-p', '.'], signal) },
  {
    name: 'types of the pages',
    run: ({ signal }) => checkCommand('types of the pages', [tool('tsc'), '-p', 'web'], signal),
  },
  {
    name: 'labs lint',
    run: ({ signal }) => checkCommand('labs lint', [process.execPath, 'server/labs/main.ts', 'lint'], signal),
  },
];

/** Folders of test/ whose files need the machine for themselves, in this order; other ones follow. */
const alone = ['isolation', 'terminal', 'api', 'conformance', 'end-to-end'];

/** Every group, in the order of running: what is fast and fails often comes first. */
export async function groups(): Promise<Group[]> {
  const files = await filesWith(/\.test\.ts$/);
  const across = files.filter(file => file.startsWith('test/') && !/^test\/(lint|runner|fixtures)\//.test(file));
  const folders = [...new Set([...alone, ...across.map(file => file.split('/')[1] ?? '')])];
  return [
    ...checks,
    testGroup(
      'unit tests',
      files.filter(file => !across.includes(file)),
      2,
    ),
    ...folders
      .filter(folder => across.some(file => file.startsWith(`test/${folder}/`)))
      .map(folder =>
        testGroup(
          folder,
          across.filter(file => file.startsWith(`test/${folder}/`)),
          1,
        ),
      ),
    { name: 'labs test', run: labsTest },
  ];
}

/** The groups that a filter leaves: those of that name, else the test files whose path contains it. */
export function choose(all: Group[], filter: string): Group[] {
  const named = all.filter(({ name }) => name === filter);
  if (named.length > 0 || filter === '') return named.length > 0 ? named : all;
  const chosen = all.map(group =>
    testGroup(
      group.name,
      (group.files ?? []).filter(file => file.includes(filter)),
      1,
    ),
  );
  return chosen.filter(({ files }) => files && files.length > 0);
}

function testGroup(name: string, files: string[], concurrency: number): Group {
  const paths = files.map(file => join(top, file));
  const run = ({ signal, onLine }: Context) =>
    runTests(paths, { concurrency, timeoutMs: 10 * minute, signal, onTest: onLine });
  return { name, files, run };
}

async function labsTest({ signal, onLine }: Context): Promise<Tally> {
  if (!existsSync(join(top, 'server/labs/main.ts'))) return single('labs test', ['server/labs/main.ts is not there']);
  return countedCommand('labs test', [process.execPath, 'server/labs/main.ts', 'test'], signal, onLine);
}

import { join } from 'node:path';
import { type ProviderName, providerNames } from '../../server/providers/provider.ts';
import { filesWith, top } from '../lint/files.ts';
import { checkLengths } from '../lint/length.ts';
import { checkRooms } from '../lint/rooms.ts';
import { checkTokens } from '../lint/tokens.ts';
import { checkCommand, countedCommand } from './commands.ts';
import { type DockerForTests, NotHere } from './docker.ts';
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
  /** @param files those chosen of the group's */
  run: (context: Context, files?: string[]) => Promise<Tally>;
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

/** Folders of test/ whose files come first, in this order; other ones follow. One file after the other, but for those of conformance, which mostly wait. */
const alone = ['isolation', 'terminal', 'api', 'conformance', 'end-to-end'];
/** Those that run once for each provider. A file that is named after a provider is for that alone. */
const onEachProvider = 'isolation';

/** Every group, in the order of running: what is fast and fails often comes first. */
export async function groups(docker: DockerForTests): Promise<Group[]> {
  const files = await filesWith(/\.test\.ts$/);
  const across = files.filter(file => file.startsWith('test/') && !/^test\/(lint|runner|fixtures)\//.test(file));
  const folders = [...new Set([...alone, ...across.map(file => file.split('/')[1] ?? '')])];
  const of = (folder: string) => across.filter(file => file.startsWith(`test/${folder}/`));
  const units = files.filter(file => !across.includes(file));
  return [
    ...checks,
    testGroup('unit tests', units, { concurrency: 2 }),
    ...folders
      .filter(folder => of(folder).length > 0)
      .flatMap(folder => {
        if (folder === 'docker') return [testGroup('docker', of('docker'), { bring: () => docker.get() })];
        if (folder === 'conformance') return [testGroup(folder, of(folder), { concurrency: 3 })];
        if (folder !== onEachProvider) return [testGroup(folder, of(folder))];
        return [
          testGroup(folder, forProvider('local', of(folder))),
          testGroup(`${folder} on docker`, forProvider('docker', of(folder)), {
            bring: async () => ({ ...(await docker.get()), UNICORN_TEST_PROVIDER: 'docker' }),
          }),
          testGroup(`${folder} on kubernetes`, forProvider('kubernetes', of(folder)), { bring: clusterForTests }),
        ];
      }),
    { name: 'labs test', run: context => labsTest('labs test', 'local', context) },
    {
      name: 'labs test on docker',
      run: context =>
        skippedWhereMissing('labs test on docker', async () =>
          labsTest('labs test on docker', 'docker', context, await docker.get()),
        ),
    },
  ];
}

/** A cluster without volumes, unless UNICORN_HOMES says otherwise. */
async function clusterForTests(): Promise<Record<string, string>> {
  if (!process.env.UNICORN_TEST_KUBECONFIG)
    throw new NotHere('no cluster for tests here: UNICORN_TEST_KUBECONFIG names one');
  return { UNICORN_TEST_PROVIDER: 'kubernetes', UNICORN_HOMES: process.env.UNICORN_HOMES ?? 'none' };
}

const forProvider = (name: ProviderName, files: string[]): string[] =>
  files.filter(file => {
    const provider = providerNames.find(one => file.endsWith(`/${one}.test.ts`));
    return provider === undefined || provider === name;
  });

/** The groups that a filter leaves: those of that name, else the test files whose path contains it. */
export function choose(all: Group[], filter: string): Group[] {
  const named = all.filter(({ name }) => name === filter);
  if (named.length > 0 || filter === '') return named.length > 0 ? named : all;
  const chosen = all.map(group => ({ ...group, files: group.files?.filter(file => file.includes(filter)) ?? [] }));
  return chosen.filter(({ files }) => files.length > 0);
}

interface TestGroupOptions {
  /** Test files that run at once. */
  concurrency?: number;
  /** Brings up what the files need, as variables for them. @throws NotHere: the group is skipped */
  bring?: () => Promise<Record<string, string>>;
}

function testGroup(name: string, files: string[], { concurrency = 1, bring }: TestGroupOptions = {}): Group {
  return {
    name,
    files,
    run: async ({ signal, onLine }, chosen = files) => {
      const paths = chosen.map(file => join(top, file));
      const options = { concurrency, timeoutMs: 20 * minute, signal, onTest: onLine };
      if (!bring) return runTests(paths, options);
      return skippedWhereMissing(name, async () => runTests(paths, { ...options, environment: await bring() }));
    },
  };
}

async function skippedWhereMissing(name: string, run: () => Promise<Tally>): Promise<Tally> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
    return { passed: 0, failures: [], skips: [{ name, reason: error.message }] };
  }
}

async function labsTest(
  name: string,
  provider: ProviderName,
  { signal, onLine }: Context,
  environment?: Record<string, string>,
): Promise<Tally> {
  // Most of the time is waiting: for a delay that is asked for, for a check at an interval.
  const command = [process.execPath, 'server/labs/main.ts', 'test', '--sandboxes', '2', '--provider', provider];
  // What fails on a near-miss is the check, wherever it runs; what a lesson needs of a sandbox its solution needs.
  if (provider !== 'local') command.push('--solutions');
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(35 * minute)]);
  return countedCommand(name, command, inTime, onLine, environment);
}

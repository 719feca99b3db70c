/** `npm run -s labs -- lint` and `test`, for authors, and `rehearse`, for who teaches. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentSettings } from '../command-line.ts';
import { ProviderError, type ProviderName, providerNames } from '../providers/provider.ts';
import { defaultCapacity } from '../sessions/limits.ts';
import type { Exercise, Workshop } from './content.ts';
import { junit, type ProvenExercise } from './junit.ts';
import { ContentError, formatProblem } from './problems.ts';
import { Proof } from './proof.ts';
import { rehearsalReport, rehearse } from './rehearse.ts';
import { openTestSandboxes } from './test-sandbox.ts';
import { loadWorkshop } from './workshop.ts';

const usage = `labs lint                          reads all content; each mistake with its file and line
labs test [LESSON | EXERCISE]…     shows in a real sandbox that each check fails before, on each near-miss and on wrong
                                   answers, and passes after the solution and each other way
labs rehearse --learners N [LESSON | EXERCISE]…
                                   N learners at once, every solution and its checks in each: time to ready, memory,
                                   failures

  --labs FOLDER     the content (default: labs)
  --learners N      how many take part in rehearse
  --junit FILE      also writes the results of test as JUnit XML
  --provider NAME   the kind of sandbox: local (default), docker or kubernetes
  --solutions       test: only that checks fail before and pass after the solution, as where another provider is tried
  --sandboxes N     test: exercises at once, each in a sandbox of its own (default 1)
  --verbose         each case on a line of its own
`;

interface Options {
  labs: string;
  junit: string | undefined;
  provider: ProviderName;
  verbose: boolean;
  learners: string | undefined;
  sandboxes: string;
  solutions: boolean;
}

type Command = (workshop: Workshop, names: string[], options: Options) => number | Promise<number>;
const commands = new Map<string, Command>([
  ['lint', lint],
  ['test', test],
  ['rehearse', rehearseClass],
]);

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      labs: { type: 'string', default: resolve(import.meta.dirname, '../../labs') },
      junit: { type: 'string' },
      learners: { type: 'string' },
      sandboxes: { type: 'string', default: '1' },
      solutions: { type: 'boolean', default: false },
      provider: { type: 'string', default: 'local' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command, ...names] = positionals;
  const provider = providerNames.find(name => name === values.provider);
  if (!provider) throw new UsageError(`no provider "${values.provider}"; there are ${providerNames.join(', ')}`);
  const options: Options = { ...values, junit: values.junit, learners: values.learners, provider };
  const run = command === undefined ? undefined : commands.get(command);
  if (values.help || !run) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  const workshop = await loadWorkshop(resolve(options.labs));
  return run(workshop, names, options);
}

function lint(workshop: Workshop): number {
  const { lessons, exercises, slides } = workshop;
  process.stdout.write(`${lessons.size} lessons, ${exercises.size} exercises, ${slides.length} slides: no mistakes\n`);
  return 0;
}

/** The exercises that the words name: by lesson, or by id; none: all. */
function choose(workshop: Workshop, names: string[]): Exercise[] {
  const all = [...workshop.exercises.values()];
  for (const name of names) {
    if (all.some(exercise => exercise.id === name || exercise.lesson === name)) continue;
    throw new UsageError(`no lesson and no exercise "${name}"; lessons are ${[...workshop.lessons.keys()].join(', ')}`);
  }
  return names.length === 0 ? all : all.filter(({ id, lesson }) => names.includes(id) || names.includes(lesson));
}

class UsageError extends Error {
  readonly code = 'usage';
}

async function test(workshop: Workshop, names: string[], options: Options): Promise<number> {
  const exercises = choose(workshop, names);
  const atOnce = /^[1-9]\d?$/.test(options.sandboxes) ? Number(options.sandboxes) : 0;
  if (atOnce === 0) throw new UsageError('--sandboxes takes a number from 1 to 99');
  const stop = new AbortController();
  const interrupted = () => stop.abort(new UsageError('interrupted'));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const sandboxes = await openTestSandboxes(options.provider);
  const proven: (ProvenExercise | undefined)[] = exercises.map(() => undefined);
  const rest = exercises.entries();
  const prove = async (): Promise<void> => {
    const sandbox = await sandboxes.make();
    try {
      for (const [index, exercise] of rest) {
        const proof = new Proof(workshop, exercise, sandbox.agent, stop.signal);
        const cases = await (options.solutions ? proof.runSolution() : proof.run());
        const one = { lesson: exercise.lesson, exercise: exercise.id, cases };
        proven[index] = one;
        print(one, options.verbose);
      }
    } finally {
      await sandbox.end();
    }
  };
  // What one of them cannot do ends the others.
  const failed = (error: unknown): never => {
    stop.abort(error);
    throw error;
  };
  try {
    const workers = Math.min(atOnce, exercises.length, sandboxes.maximum);
    const ends = await Promise.allSettled(Array.from({ length: workers }, () => prove().catch(failed)));
    if (ends.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
  } finally {
    await sandboxes.end();
  }
  if (options.junit) await writeFile(options.junit, junit(proven.filter(one => one !== undefined)));
  return summarize(proven.filter(one => one !== undefined));
}

async function rehearseClass(workshop: Workshop, names: string[], options: Options): Promise<number> {
  const learners = /^[1-9]\d{0,2}$/.test(options.learners ?? '') ? Number(options.learners) : 0;
  if (learners === 0) throw new UsageError('rehearse needs --learners and how many take part, from 1 to 999');
  const exercises = choose(workshop, names);
  const stop = new AbortController();
  const interrupted = () => stop.abort(new UsageError('interrupted'));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const sandboxes = await openTestSandboxes(options.provider);
  try {
    const maximum = bearable(options.provider, sandboxes.maximum);
    const queue = learners > maximum ? `, ${maximum} of them at once` : '';
    process.stdout.write(`${learners} learners${queue}, ${exercises.length} exercises, ${options.provider} …\n`);
    const { signal } = stop;
    const { text, failed } = rehearsalReport(
      exercises,
      await rehearse(workshop, exercises, learners, { sandboxes: { ...sandboxes, maximum }, signal }),
    );
    process.stdout.write(text);
    signal.throwIfAborted();
    return failed === 0 ? 0 : 1;
  } finally {
    await sandboxes.end();
  }
}

/** What the provider says, and on this machine what its memory bears. */
function bearable(provider: ProviderName, maximum: number): number {
  return provider === 'local' ? Math.min(maximum, defaultCapacity(environmentSettings(process.env))) : maximum;
}

function print({ lesson, exercise, cases }: ProvenExercise, verbose: boolean): void {
  const failed = cases.filter(one => !one.passed);
  const seconds = cases.reduce((sum, one) => sum + one.durationMs, 0) / 1000;
  const passed = `${cases.length - failed.length} of ${cases.length}`;
  const mark = failed.length === 0 ? '✓' : '✗';
  process.stdout.write(`${mark} ${lesson} ${exercise}: ${passed} (${seconds.toFixed(1)} s)\n`);
  for (const one of verbose ? cases : failed) {
    process.stdout.write(`    ${one.passed ? '✓' : '✗'} ${one.name} (${(one.durationMs / 1000).toFixed(1)} s)\n`);
    for (const line of one.detail.split('\n').filter(text => text !== '')) process.stdout.write(`        ${line}\n`);
  }
}

function summarize(proven: ProvenExercise[]): number {
  const cases = proven.flatMap(one => one.cases);
  const failed = cases.filter(one => !one.passed).length;
  const seconds = cases.reduce((sum, one) => sum + one.durationMs, 0) / 1000;
  const passed = cases.length - failed;
  process.stdout.write(`${passed} passed, ${failed} failed (${proven.length} exercises, ${seconds.toFixed(1)} s)\n`);
  return failed === 0 ? 0 : 1;
}

/** What went wrong, in words for an author; a stack only where it is a defect of the program. */
function explain(error: unknown): string {
  if (error instanceof ContentError) {
    const count = `${error.problems.length} mistake${error.problems.length === 1 ? '' : 's'}`;
    return [...error.problems.map(problem => formatProblem(problem)), count].join('\n');
  }
  if (error instanceof ProviderError) return [error.message, error.remedy].filter(Boolean).join('\n');
  if (error instanceof UsageError) return error.message;
  if (error instanceof TypeError && 'code' in error) return `${error.message}\n\n${usage}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = error instanceof ContentError ? 1 : 2;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessStatus } from '../../images/agent/protocol/messages.ts';
import { type Agent, failureCode } from '../checks/agent.ts';
import { isProgram } from '../checks/observation.ts';
import type { Exercise, GivenFile, Lesson, Step, Workshop } from './content.ts';

/** All steps of an action, done ones first; as in `ActionState`. */
export type Progress = { title: string; done: boolean }[];
export type OnProgress = (steps: Progress) => void;

type ServeStep = Step & { kind: 'serve' };
type WriteStep = Step & { kind: 'write' };

/** A step did not go as its author meant. */
export class StepError extends Error {
  readonly code = 'step-failed';
  constructor(step: string, reason: string) {
    super(`${step}: ${reason}`);
    this.name = 'StepError';
  }
}

const promptTimeoutMs = 10_000;
const commandTimeoutMs = 60_000;
const listenTimeoutMs = 20_000;

/** Does what a learner would do, before their eyes: in their terminals and files. */
export async function runSteps(
  steps: readonly Step[],
  agent: Agent,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const titles = steps.map(titleOf);
  const tell = (done: number) => onProgress(titles.map((title, index) => ({ title, done: index < done })));
  for (const [index, step] of steps.entries()) {
    signal.throwIfAborted();
    tell(index);
    if (step.kind === 'write') titles[index] += await keepAside(step, agent, signal);
    await runStep(step, agent, signal);
  }
  tell(steps.length);
}

/** In words for the learner. */
export function titleOf(step: Step): string {
  switch (step.kind) {
    case 'run':
      return `Run ${step.command}`;
    case 'serve':
      return `Start ${step.command} in the terminal ${step.terminal}`;
    case 'stop':
      return `End what runs in the terminal ${step.terminal}`;
    case 'write':
      return `Write ${step.path}`;
    case 'edit':
      return `Change ${step.path}`;
  }
}

async function runStep(step: Step, agent: Agent, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case 'run': {
      const { command, terminal } = step;
      const parameters = { terminal, command, wait: 'prompt', promptTimeoutMs, timeoutMs: commandTimeoutMs } as const;
      const { exitStatus } = await agent.call('terminal.run', parameters, { signal });
      if (exitStatus !== 0 && !step.anyExit) throw new StepError(titleOf(step), `exit status ${exitStatus}`);
      return;
    }
    case 'serve':
      await interrupt(step.terminal, agent, signal);
      return serve(step, agent, signal);
    case 'stop':
      return interrupt(step.terminal, agent, signal);
    case 'write':
      await agent.call('file.write', { path: step.path, content: step.content }, { signal });
      return;
    case 'edit':
      return edit(step, agent, signal);
  }
}

/** Copies a file of the learner's that a step overwrites with something else; answers where to, in words. */
async function keepAside(step: WriteStep, agent: Agent, signal: AbortSignal): Promise<string> {
  const content = await readFile(step.path, agent, signal);
  if (content === undefined || content === step.content) return '';
  const path = `kept/${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}/${step.path}`;
  await agent.call('file.write', { path, content }, { signal });
  return ` (yours is kept as ${path})`;
}

/** Ends what runs in a terminal; one that is not there is no failure. */
async function interrupt(terminal: string, agent: Agent, signal: AbortSignal): Promise<void> {
  const { terminals } = await agent.call('terminal.list', {}, { signal });
  const status = terminals.find(candidate => candidate.terminal === terminal);
  if (!status || status.atPrompt) return;
  await agent.call('terminal.interrupt', { terminal, timeoutMs: promptTimeoutMs }, { signal });
}

/** Types the command and waits until its port listens, or its shell is back at the prompt: then it failed. */
async function serve(step: ServeStep, agent: Agent, signal: AbortSignal): Promise<void> {
  const { terminal, command, port } = step;
  const timing = { promptTimeoutMs, timeoutMs: promptTimeoutMs };
  await agent.call('terminal.run', { terminal, command, wait: 'typed', ...timing }, { signal });
  const deadline = Date.now() + listenTimeoutMs;
  let reason = `port ${port} did not listen after ${listenTimeoutMs / 1000} s`;
  while (Date.now() < deadline) {
    // Asked first: what went on in the background listens by then, if it ever does at once.
    const ended = await endOf(terminal, agent, signal);
    const { ports } = await agent.call('port.list', {}, { signal });
    if (ports.some(socket => socket.port === port)) return;
    if (ended !== undefined && !inBackground.test(command)) {
      reason = `it ended with status ${ended}, and port ${port} does not listen`;
      break;
    }
    await delay(50, undefined, { signal });
  }
  const { text } = await agent.call('terminal.text', { terminal }, { signal });
  throw new StepError(titleOf(step), `${reason}. ${tail(text)}`);
}

const inBackground = /&\s*$/;

/** The exit status of what was typed in a terminal; undefined where it still runs. */
async function endOf(terminal: string, agent: Agent, signal: AbortSignal): Promise<number | undefined> {
  const { terminals } = await agent.call('terminal.list', {}, { signal });
  const status = terminals.find(candidate => candidate.terminal === terminal);
  return status?.atPrompt ? (status.exitStatus ?? undefined) : undefined;
}

const tail = (text: string): string => text.trimEnd().split('\n').slice(-3).join(' | ');

async function edit(step: Step & { kind: 'edit' }, agent: Agent, signal: AbortSignal): Promise<void> {
  const { content } = await agent.call('file.read', { path: step.path, maximumBytes: 1024 * 1024 }, { signal });
  const places = content.split(step.replace).length - 1;
  if (places !== 1) throw new StepError(titleOf(step), `"${step.replace}" occurs ${places} times, once is expected`);
  const changed = content.replace(step.replace, () => step.by);
  await agent.call('file.write', { path: step.path, content: changed }, { signal });
}

/** Writes the lesson's own files into the home where they are missing. To be called when a lesson is opened. */
export async function openLesson(lesson: Lesson, agent: Agent, signal: AbortSignal): Promise<void> {
  for (const file of lesson.givenFiles) {
    if ((await readFile(file.path, agent, signal)) !== undefined) continue;
    await agent.call('file.write', { path: file.path, content: file.content }, { signal });
  }
}

async function readFile(path: string, agent: Agent, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await agent.call('file.read', { path, maximumBytes: 1024 * 1024 }, { signal })).content;
  } catch (error) {
    if (failureCode(error) === 'not-found') return undefined;
    throw error;
  }
}

/**
 * Brings the sandbox to a lesson's starting state: a fresh one, then the solutions that the lesson names. With `before`, on to the state in which that
 * exercise of the lesson starts. Answers which of the learner's files were kept aside, and where.
 */
export async function prepareStart(
  workshop: Workshop,
  lessonId: string,
  agent: Agent,
  onProgress: OnProgress,
  signal: AbortSignal,
  before?: string,
): Promise<{ from: string; to: string }[]> {
  const lesson = workshop.lessons.get(lessonId);
  if (!lesson) throw new StepError(`Open lesson ${lessonId}`, 'there is no such lesson');
  const earlier = exercisesBefore(lesson, before);
  const steps = startSteps(workshop, lesson, earlier);
  const first = { title: 'End what runs, and begin afresh', done: false };
  onProgress([first, ...steps.map(step => ({ title: titleOf(step), done: false }))]);
  const { kept } = await agent.call('reset', { files: await filesToKeep(steps, agent, signal) }, { signal });
  await runSteps(steps, agent, progress => onProgress([{ ...first, done: true }, ...progress]), signal);
  return kept;
}

/**
 * The steps that bring what an exercise starts from and this sandbox lacks: files that are not there, and programs whose port nobody listens on.
 * What is there stays as it is, and what the exercise's own solution writes, starts or ends is left to that. Undefined where only `prepareStart`
 * leads there: another program has one of the ports, as that of another lesson, or a file is as it was given, which earlier exercises change.
 */
export async function missingAtStart(
  workshop: Workshop,
  exercise: Exercise,
  agent: Agent,
  signal: AbortSignal,
): Promise<Step[] | undefined> {
  const { writes, serves, known, texts } = startingPoint(workshop, exercise);
  const { ports } = await agent.call('port.list', {}, { signal });
  const { processes } = await agent.call('process.list', {}, { signal });
  for (const { port, pid } of ports) {
    const expected = known.filter(step => step.port === port);
    const holder = processes.find(process => process.pid === pid);
    if (holder && expected.length > 0 && !expected.some(({ command }) => runs(holder, command))) return undefined;
  }
  const missing: Step[] = [];
  for (const step of writes) {
    const current = await readFile(step.path, agent, signal);
    if (current === undefined) missing.push(step);
    else if (current !== step.content && texts.get(step.path)?.has(current)) return undefined;
  }
  return [...missing, ...serves.filter(step => !ports.some(({ port }) => port === step.port))];
}

/** Whether a process is what that command starts; it may have further arguments, in any order. */
function runs(process: ProcessStatus, command: string): boolean {
  const [program = '', ...words] = command.split(/\s+/);
  return isProgram(process, program) && words.every(word => process.command.includes(word));
}

interface StartingPoint {
  writes: WriteStep[];
  /** What runs. */
  serves: ServeStep[];
  /** What may run at the ports that this is about: what runs at the start, and what the exercise's own solution starts. */
  known: ServeStep[];
  /** By path, every text that earlier steps write: what is none of them is the learner's own. */
  texts: Map<string, Set<string>>;
}

/** The files that there are where an exercise starts, and what runs in each terminal, without what its own solution sees to. */
function startingPoint(workshop: Workshop, exercise: Exercise): StartingPoint {
  const lesson = workshop.lessons.get(exercise.lesson);
  const steps = lesson ? startSteps(workshop, lesson, exercisesBefore(lesson, exercise.id)) : [];
  const files = new Map<string, string>();
  const running = new Map<string, ServeStep>();
  for (const step of steps) {
    if (step.kind === 'write') files.set(step.path, step.content);
    if (step.kind === 'edit') {
      const text = files.get(step.path) ?? '';
      files.set(
        step.path,
        text.replace(step.replace, () => step.by),
      );
    }
    if (step.kind === 'serve' || step.kind === 'stop') running.delete(step.terminal);
    if (step.kind === 'serve') running.set(step.terminal, step);
  }
  const known = [...running.values()];
  const own = new Set<string>();
  for (const step of exercise.solution.steps) {
    if (step.kind === 'write') files.delete(step.path);
    if (step.kind === 'serve') known.push(step);
    if (step.kind === 'serve' || step.kind === 'stop') own.add(step.terminal);
  }
  const writes = [...files].map(([path, content]): WriteStep => ({ kind: 'write', path, content }));
  return {
    writes,
    serves: [...running.values()].filter(({ terminal }) => !own.has(terminal)),
    known,
    texts: textsOf(steps),
  };
}

function exercisesBefore(lesson: Lesson, before: string | undefined): Exercise[] {
  if (before === undefined) return [];
  const index = lesson.exercises.findIndex(exercise => exercise.id === before);
  return lesson.exercises.slice(0, Math.max(index, 0));
}

/** The given files of each lesson come before the first solution that may change them. */
function startSteps(workshop: Workshop, lesson: Lesson, earlier: Exercise[]): Step[] {
  const given = new Set<string>();
  const steps: Step[] = [];
  const give = (files: GivenFile[]) => {
    for (const { path, content } of files) {
      if (given.has(path)) continue;
      given.add(path);
      steps.push({ kind: 'write', path, content });
    }
  };
  for (const exercise of lesson.start) {
    give(workshop.lessons.get(exercise.lesson)?.givenFiles ?? []);
    steps.push(...exercise.solution.steps);
  }
  give(lesson.givenFiles);
  for (const exercise of earlier) steps.push(...exercise.solution.steps);
  return steps;
}

/** By path, every text that the steps write. */
function textsOf(steps: readonly Step[]): Map<string, Set<string>> {
  const writes = Map.groupBy(
    steps.filter(step => step.kind === 'write'),
    ({ path }) => path,
  );
  return new Map([...writes].map(([path, some]) => [path, new Set(some.map(({ content }) => content))]));
}

/** The learner's own files that the steps overwrite: with a text that is none of the workshop's. */
async function filesToKeep(steps: Step[], agent: Agent, signal: AbortSignal): Promise<string[]> {
  const keep: string[] = [];
  for (const [path, texts] of textsOf(steps)) {
    const current = await readFile(path, agent, signal);
    if (current !== undefined && !texts.has(current)) keep.push(path);
  }
  return keep;
}

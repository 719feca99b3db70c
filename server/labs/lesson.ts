import { dirname, join } from 'node:path';
import type { LivePicture } from '../api.ts';
import type {
  Check,
  Configuration,
  Exercise,
  Expectation,
  GivenFile,
  Lesson,
  NearMiss,
  ProcessCheck,
  ReplayCheck,
  ReplayRequest,
  Step,
} from './content.ts';
import { linkTargets, type Places } from './links.ts';
import { renderMarkdown } from './markdown.ts';
import type { Problems } from './problems.ts';
import { readText, readYaml, type Source } from './source.ts';

/** lesson.yaml as its schema describes it. */
export interface LessonFile {
  id: string;
  title: string;
  minutes: number;
  core: boolean;
  slide: string;
  terminals: string[];
  picture?: LivePicture;
  files?: string[];
  given?: { path: string; from: string }[];
  start: { solutions: string[] };
  exercises: ExerciseFile[];
}
interface ExerciseFile {
  id: string;
  title: string;
  minutes: number;
  core: boolean;
  task: string;
  checks: CheckFile[];
  hints: string[];
  solution: { text: string; steps: StepFile[] };
  nearMisses?: { name: string; why: string; fails: string; steps: StepFile[] }[];
  alternatives?: { name: string; steps: StepFile[] }[];
}
interface StepFile {
  run?: string;
  serve?: string;
  stop?: string;
  write?: string;
  edit?: string;
  terminal?: string;
  anyExit?: boolean;
  port?: number;
  from?: string;
  replace?: string;
  by?: string;
}
/** As in the file: keys may be missing, texts are Markdown. */
interface CheckFile {
  type: Check['type'];
  id: string;
  title: string;
  hint?: string;
  program?: string;
  port?: number;
  address?: string;
  admin?: number;
  path?: string;
  atLeast?: number;
  headers?: Record<string, Expectation>;
  configuration?: Configuration;
  beside?: Configuration[];
  limits?: string;
  upstreams?: Record<string, number | string>;
  greeters?: Record<string, number | string>;
  files?: string[];
  requests?: RequestFile[];
  stats?: { name: string; atLeast: number; hint?: string }[];
  spans?: string[];
  values?: { at: string; expect: Expectation; hint?: string }[];
  file?: string;
  label?: string;
  from?: { stat: string };
  right?: string;
  wrong?: string;
  options?: { id: string; text: string; right?: boolean; because: string }[];
}

interface RequestFile {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  grpc?: true;
  body?: string;
  count?: number;
  serverName?: string;
  client?: { certificate: string; key: string };
  expect: object;
  hint?: string;
}

/** A lesson's two files, read but not yet linked. */
export interface LessonSource {
  folder: string;
  yaml: Source<LessonFile>;
  text: string;
}

type Path = (string | number)[];

export async function readLesson(labs: string, folder: string, problems: Problems): Promise<LessonSource | undefined> {
  const yaml = await readYaml<LessonFile>(labs, join(folder, 'lesson.yaml'), 'lesson', problems);
  const text = await readText(join(folder, 'lesson.md'), problems);
  return yaml && text !== undefined ? { folder, yaml, text } : undefined;
}

/** Renders and links one lesson; `start` is filled in when all lessons are there. */
export async function buildLesson(
  source: LessonSource,
  module: Lesson['module'],
  places: Places,
  problems: Problems,
): Promise<Lesson> {
  const { value: file } = source.yaml;
  const givenFiles = await readGiven(source, problems);
  const exercises: Exercise[] = [];
  for (const index of file.exercises.keys())
    exercises.push(await buildExercise(source, index, givenFiles, places, problems));
  const markdownFile = join(source.folder, 'lesson.md');
  return {
    id: file.id,
    title: file.title,
    module,
    minutes: file.minutes,
    core: file.core,
    slide: file.slide,
    terminals: file.terminals,
    picture: file.picture ?? 'requests',
    files: file.files ?? [],
    givenFiles,
    start: [],
    exercises,
    html: renderMarkdown(source.text, linkTargets(markdownFile, places, problems), { terminals: file.terminals }),
  };
}

async function readGiven(source: LessonSource, problems: Problems): Promise<Lesson['givenFiles']> {
  const given: Lesson['givenFiles'] = [];
  for (const [index, entry] of (source.yaml.value.given ?? []).entries()) {
    given.push({ path: entry.path, content: await readBeside(source, entry.from, ['given', index, 'from'], problems) });
  }
  return given;
}

async function buildExercise(
  source: LessonSource,
  index: number,
  givenFiles: GivenFile[],
  places: Places,
  problems: Problems,
): Promise<Exercise> {
  const at: Path = ['exercises', index];
  const file = source.yaml.value.exercises[index]!;
  const render = (text: string, ...path: Path) => renderText(source, text, [...at, ...path], places, problems);
  const steps = (list: StepFile[], ...path: Path) => buildSteps(source, list, [...at, ...path], problems);
  const nearMisses: NearMiss[] = [];
  for (const [n, miss] of (file.nearMisses ?? []).entries()) {
    nearMisses.push({ ...miss, steps: await steps(miss.steps, 'nearMisses', n, 'steps') });
  }
  const alternatives = [];
  for (const [n, way] of (file.alternatives ?? []).entries()) {
    alternatives.push({ name: way.name, steps: await steps(way.steps, 'alternatives', n, 'steps') });
  }
  return {
    id: file.id,
    title: file.title,
    lesson: source.yaml.value.id,
    minutes: file.minutes,
    core: file.core,
    taskHtml: render(file.task, 'task'),
    checks: file.checks.map((check, n) =>
      buildCheck(check, {
        render: (text, ...path) => render(text, 'checks', n, ...path),
        given: (name, ...path) => findGiven(source, givenFiles, name, [...at, 'checks', n, ...path], problems),
      }),
    ),
    hintsHtml: file.hints.map((hint, n) => render(hint, 'hints', n)),
    solution: {
      html: render(file.solution.text, 'solution', 'text'),
      steps: await steps(file.solution.steps, 'solution', 'steps'),
    },
    nearMisses,
    alternatives,
  };
}

/** The content of a file that the lesson gives. */
function findGiven(source: LessonSource, given: GivenFile[], name: string, path: Path, problems: Problems): string {
  const found = given.find(file => file.path === name);
  const { file, lineOf } = source.yaml;
  if (!found)
    problems.add(file, lineOf(path), `the lesson gives no file "${name}"`, 'Name one by its path in the home.');
  return found?.content ?? '';
}

function renderText(source: LessonSource, text: string, path: Path, places: Places, problems: Problems): string {
  const { yaml } = source;
  const targets = linkTargets(yaml.file, places, problems);
  return renderMarkdown(text, targets, { terminals: yaml.value.terminals, offset: yaml.lineOf(path) });
}

async function readBeside(source: LessonSource, name: string, path: Path, problems: Problems): Promise<string> {
  const line = source.yaml.lineOf(path);
  return (await readText(join(dirname(source.yaml.file), name), problems, { file: source.yaml.file, line })) ?? '';
}

async function buildSteps(source: LessonSource, list: StepFile[], at: Path, problems: Problems): Promise<Step[]> {
  const steps: Step[] = [];
  for (const [index, step] of list.entries()) steps.push(await buildStep(source, step, [...at, index], problems));
  return steps;
}

async function buildStep(source: LessonSource, step: StepFile, at: Path, problems: Problems): Promise<Step> {
  const { terminals } = source.yaml.value;
  const terminal = step.stop ?? step.terminal ?? terminals[0]!;
  if (!terminals.includes(terminal)) {
    const remedy = `It has: ${terminals.join(', ')}.`;
    problems.add(source.yaml.file, source.yaml.lineOf(at), `the lesson has no terminal "${terminal}"`, remedy);
  }
  if (step.run !== undefined) return { kind: 'run', command: step.run, terminal, anyExit: step.anyExit ?? false };
  if (step.serve !== undefined) return { kind: 'serve', command: step.serve, terminal, port: step.port! };
  if (step.stop !== undefined) return { kind: 'stop', terminal };
  if (step.edit !== undefined) return { kind: 'edit', path: step.edit, replace: step.replace!, by: step.by! };
  const content = await readBeside(source, step.from!, [...at, 'from'], problems);
  return { kind: 'write', path: step.write!, content };
}

/** What a check refers to, and where it does. */
interface Around {
  render(text: string, ...path: Path): string;
  given(name: string, ...path: Path): string;
}

/** Where a lesson's one proxy has its admin interface. */
const usualAdmin = 9901;

/** Fills in what a check's file may leave out; the schema has seen to the rest. */
function buildCheck(file: CheckFile, around: Around): Check {
  const { render } = around;
  const base = { id: file.id, title: file.title, hint: file.hint ?? null };
  switch (file.type) {
    case 'process':
      return { ...base, type: 'process', program: file.program!, ...buildPlace(file) };
    case 'arrivals':
      return { ...base, type: 'arrivals', path: file.path!, atLeast: file.atLeast ?? 1, headers: file.headers ?? {} };
    case 'traces':
      return { ...base, type: 'traces', spans: file.spans! };
    case 'replay':
      return { ...base, type: 'replay', configuration: file.configuration!, ...buildReplay(file, around) };
    case 'stats': {
      const stats = file.stats!.map(stat => ({ ...stat, hint: stat.hint ?? null }));
      return { ...base, type: 'stats', admin: file.admin ?? usualAdmin, stats };
    }
    case 'config': {
      const values = file.values!.map(value => ({ ...value, hint: value.hint ?? null }));
      return { ...base, type: 'config', configuration: file.configuration!, values };
    }
    case 'validate':
      return { ...base, type: 'validate', file: file.file! };
    case 'answer': {
      const html = { rightHtml: render(file.right!, 'right'), wrongHtml: render(file.wrong!, 'wrong') };
      return { ...base, type: 'answer', label: file.label!, from: file.from!, ...html };
    }
    case 'quiz': {
      const options = file.options!.map((option, n) => ({
        id: option.id,
        html: render(option.text, 'options', n, 'text'),
        right: option.right ?? false,
        becauseHtml: render(option.because, 'options', n, 'because'),
      }));
      return { ...base, type: 'quiz', label: file.label!, options };
    }
  }
}

const buildPlace = (file: CheckFile): Pick<ProcessCheck, 'port' | 'address'> => ({
  port: file.port ?? null,
  address: file.address ?? null,
});

function buildReplay(
  file: CheckFile,
  around: Around,
): Pick<ReplayCheck, 'beside' | 'limits' | 'upstreams' | 'greeters' | 'files' | 'requests'> {
  return {
    ...(file.beside && { beside: file.beside }),
    ...(file.limits !== undefined && { limits: file.limits }),
    upstreams: file.upstreams ?? {},
    greeters: file.greeters ?? {},
    files: (file.files ?? []).map((path, n) => ({ path, content: around.given(path, 'files', n) })),
    requests: file.requests!.map((request, n) => buildRequest(request, n, around)),
  };
}

function buildRequest({ client, ...request }: RequestFile, index: number, { given }: Around): ReplayRequest {
  const at: Path = ['requests', index, 'client'];
  return {
    ...request,
    method: request.method ?? 'GET',
    headers: request.headers ?? {},
    count: request.count ?? 1,
    hint: request.hint ?? null,
    ...(client && {
      client: {
        name: client.certificate,
        certificate: given(client.certificate, ...at, 'certificate'),
        key: given(client.key, ...at, 'key'),
      },
    }),
  };
}

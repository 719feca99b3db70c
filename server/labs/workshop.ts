import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exercise, Lesson, Module, Slide, Workshop } from './content.ts';
import { contentDigest } from './digest.ts';
import { buildLesson, type LessonSource, readLesson } from './lesson.ts';
import { checkPicture, emptyPlaces, linkTargets, type Places } from './links.ts';
import { lintLessons } from './lint.ts';
import { Problems } from './problems.ts';
import { parseSlides, renderSlide, type SlideSource } from './slides.ts';
import { readText, readYaml, type Source } from './source.ts';

interface WorkshopFile {
  title: string;
  author: string;
  modules: { id: string; title: string; slides: string; lessons: string[] }[];
}

/**
 * Reads a workshop's folder: `workshop.yaml`, `slides/`, `lessons/`.
 * @throws ContentError that names every mistake at its line
 */
export async function loadWorkshop(folder: string): Promise<Workshop> {
  const problems = new Problems(folder);
  const description = await readYaml<WorkshopFile>(folder, join(folder, 'workshop.yaml'), 'workshop', problems);
  if (!description) throw problemsError(problems);
  const places = emptyPlaces();
  await readPictures(folder, places, problems);
  const slides = await readSlides(folder, description, places, problems);
  const lessons = await readLessons(folder, description, places, problems);
  const modules = await buildModules(description.value, lessons, places, problems);
  const workshop: Workshop = {
    title: description.value.title,
    author: description.value.author,
    revision: contentDigest(folder).slice(0, 12),
    modules,
    lessons: new Map(modules.flatMap(module => module.lessons).map(lesson => [lesson.id, lesson])),
    exercises: new Map(modules.flatMap(allExercises).map(exercise => [exercise.id, exercise])),
    slides: [],
  };
  linkStarts(workshop, lessons, problems);
  workshop.slides = buildSlides(workshop, slides, places, problems);
  lintLessons(workshop, [...lessons.values()].flat(), problems);
  for (const picture of places.pictures.keys()) {
    if (!places.usedPictures.has(picture))
      problems.add(picture, 1, 'a picture that nothing shows', 'Show it or remove it.');
  }
  problems.throwIfAny();
  return workshop;
}

function problemsError(problems: Problems): Error {
  try {
    problems.throwIfAny();
  } catch (error) {
    return error as Error;
  }
  return new Error('the workshop could not be read');
}

const allExercises = (module: Module): Exercise[] => module.lessons.flatMap(lesson => lesson.exercises);

async function readPictures(folder: string, places: Places, problems: Problems): Promise<void> {
  const pictures = join(folder, 'slides', 'pictures');
  for (const name of await readdir(pictures)) {
    if (!name.endsWith('.svg')) continue;
    const file = join(pictures, name);
    places.pictures.set(file, checkPicture(file, await readFile(file, 'utf8'), problems));
  }
}

type SlideFiles = { module: string; file: string; slides: SlideSource[] }[];

async function readSlides(
  folder: string,
  description: Source<WorkshopFile>,
  places: Places,
  problems: Problems,
): Promise<SlideFiles> {
  const files: SlideFiles = [];
  const seen = new Set<string>();
  for (const [index, module] of description.value.modules.entries()) {
    const file = join(folder, module.slides);
    const line = description.lineOf(['modules', index, 'slides']);
    const text = await readText(file, problems, { file: description.file, line });
    const slides = text === undefined ? [] : parseSlides(file, text, problems);
    for (const slide of slides) {
      if (seen.has(slide.id)) problems.add(file, slide.line, `the slide id "${slide.id}" is taken`, 'Choose another.');
      seen.add(slide.id);
      places.slides.add(`${file}#${slide.id}`);
    }
    files.push({ module: module.id, file, slides });
  }
  return files;
}

/** The lessons of each module, by the module's id. */
async function readLessons(
  folder: string,
  description: Source<WorkshopFile>,
  places: Places,
  problems: Problems,
): Promise<Map<string, LessonSource[]>> {
  const lessons = new Map<string, LessonSource[]>();
  for (const module of description.value.modules) {
    const sources: LessonSource[] = [];
    for (const name of module.lessons) {
      const lesson = await readLesson(folder, join(folder, 'lessons', name), problems);
      if (!lesson) continue;
      sources.push(lesson);
      places.lessons.set(join(lesson.folder, 'lesson.md'), lesson.yaml.value.id);
      for (const exercise of lesson.yaml.value.exercises) places.exercises.add(`${lesson.yaml.file}#${exercise.id}`);
    }
    lessons.set(module.id, sources);
  }
  return lessons;
}

async function buildModules(
  description: WorkshopFile,
  sources: Map<string, LessonSource[]>,
  places: Places,
  problems: Problems,
): Promise<Module[]> {
  const modules: Module[] = [];
  for (const { id, title } of description.modules) {
    const lessons: Lesson[] = [];
    for (const source of sources.get(id) ?? [])
      lessons.push(await buildLesson(source, { id, title }, places, problems));
    modules.push({ id, title, lessons });
  }
  return modules;
}

/** Resolves the exercises that starting states name; they must lie before the lesson. */
function linkStarts(workshop: Workshop, sources: Map<string, LessonSource[]>, problems: Problems): void {
  const order = [...workshop.lessons.keys()];
  for (const { yaml } of [...sources.values()].flat()) {
    const lesson = workshop.lessons.get(yaml.value.id)!;
    for (const [index, id] of yaml.value.start.solutions.entries()) {
      const exercise = workshop.exercises.get(id);
      if (exercise && order.indexOf(exercise.lesson) < order.indexOf(lesson.id)) lesson.start.push(exercise);
      else {
        const line = yaml.lineOf(['start', 'solutions', index]);
        problems.add(yaml.file, line, `no exercise "${id}" in an earlier lesson`, 'Name one by its id.');
      }
    }
  }
}

function buildSlides(workshop: Workshop, files: SlideFiles, places: Places, problems: Problems): Slide[] {
  const lessonOf = new Map([...workshop.lessons.values()].toReversed().map(lesson => [lesson.slide, lesson.id]));
  const slides: Slide[] = [];
  for (const { module, file, slides: sources } of files) {
    const targets = linkTargets(file, places, problems);
    for (const source of sources) {
      if (source.lesson !== null && !workshop.lessons.has(source.lesson)) {
        problems.add(file, source.line, `no lesson "${source.lesson}"`, 'Name one that workshop.yaml lists.');
      }
      slides.push(renderSlide(source, module, source.lesson ?? lessonOf.get(source.id) ?? null, targets));
    }
  }
  return slides;
}

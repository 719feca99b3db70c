/** What browsers are told of the content: never what is right. */
import type { ExercisePage, LessonPage, SlideDeck, WorkshopOutline } from '../api.ts';
import type { Check, Exercise, Workshop } from './content.ts';

/** The body of GET /api/workshop. */
export function outline(workshop: Workshop): WorkshopOutline {
  return {
    title: workshop.title,
    author: workshop.author,
    revision: workshop.revision,
    modules: workshop.modules.map(module => ({
      id: module.id,
      title: module.title,
      lessons: module.lessons.map(({ id, title, minutes, core, slide, exercises }) => ({
        id,
        title,
        minutes,
        core,
        slide,
        exercises: exercises.map(exercise => ({ id: exercise.id, title: exercise.title })),
      })),
    })),
  };
}

/** The body of GET /api/lessons/:id; undefined where there is no such lesson. */
export function lessonPage(workshop: Workshop, id: string): LessonPage | undefined {
  const lesson = workshop.lessons.get(id);
  if (!lesson) return undefined;
  const order = [...workshop.lessons.keys()];
  const place = order.indexOf(id);
  const { title, module, minutes, slide, html, files, terminals, picture } = lesson;
  return {
    id,
    title,
    module,
    minutes,
    slide,
    previous: order[place - 1] ?? null,
    next: order[place + 1] ?? null,
    html,
    files,
    terminals,
    picture,
    exercises: lesson.exercises.map(exercisePage),
  };
}

function exercisePage(exercise: Exercise): ExercisePage {
  return {
    id: exercise.id,
    title: exercise.title,
    taskHtml: exercise.taskHtml,
    minutes: exercise.minutes,
    core: exercise.core,
    hints: exercise.hintsHtml.length,
    checks: exercise.checks.map(({ id, title }) => ({ id, title })),
    question: questionOf(exercise.checks),
  };
}

/** What the exercise asks: never with the answer in it. */
function questionOf(checks: Check[]): ExercisePage['question'] {
  const check = checks.find(candidate => candidate.type === 'answer' || candidate.type === 'quiz');
  if (check?.type === 'answer') return { kind: 'answer', label: check.label };
  if (check?.type !== 'quiz') return null;
  return { kind: 'quiz', label: check.label, options: check.options.map(({ id, html }) => ({ id, html })) };
}

/** The body of GET /api/slides. */
export function slideDeck(workshop: Workshop): SlideDeck {
  return { slides: workshop.slides };
}

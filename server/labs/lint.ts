import { join } from 'node:path';
import type { Exercise, Workshop } from './content.ts';
import type { LessonSource } from './lesson.ts';
import type { Problems } from './problems.ts';

/** The most words between two things to do. */
const maximumWords = 120;

/** Rules that a schema cannot hold: what refers to what, and how lessons read. */
export function lintLessons(workshop: Workshop, sources: LessonSource[], problems: Problems): void {
  const lessons = new Set<string>();
  const exercises = new Set<string>();
  for (const source of sources) {
    const { file, value, lineOf } = source.yaml;
    if (lessons.has(value.id))
      problems.add(file, lineOf(['id']), `the lesson id "${value.id}" is taken`, 'Choose another.');
    lessons.add(value.id);
    if (!workshop.slides.some(slide => slide.id === value.slide)) {
      problems.add(file, lineOf(['slide']), `no slide "${value.slide}"`, 'Name one by the id in its heading.');
    }
    for (const [index, { id }] of value.exercises.entries()) {
      const line = lineOf(['exercises', index, 'id']);
      if (exercises.has(id))
        problems.add(file, line, `the exercise id "${id}" is taken`, 'Choose another; ids are permanent.');
      exercises.add(id);
      const exercise = workshop.lessons.get(value.id)?.exercises.find(candidate => candidate.id === id);
      if (exercise) lintExercise(exercise, source, index, problems);
    }
    lintText(source, problems);
  }
}

function lintExercise(exercise: Exercise, source: LessonSource, index: number, problems: Problems): void {
  const { file, lineOf } = source.yaml;
  const at = (...path: (string | number)[]) => lineOf(['exercises', index, ...path]);
  const ids = exercise.checks.map(check => check.id);
  const questions = exercise.checks.filter(check => check.type === 'quiz' || check.type === 'answer');
  if (questions.length > 1)
    problems.add(file, at('checks'), 'two questions in one exercise', 'Make two exercises of it.');
  for (const [n, id] of ids.entries()) {
    if (ids.indexOf(id) !== n)
      problems.add(file, at('checks', n, 'id'), `the check id "${id}" is taken`, 'Choose another.');
  }
  for (const [n, check] of exercise.checks.entries()) {
    if (check.type === 'quiz' && check.options.filter(option => option.right).length !== 1) {
      problems.add(file, at('checks', n), 'a quiz needs exactly one right option', 'Mark one with "right: true".');
    }
    const missed = exercise.nearMisses.some(miss => miss.fails === check.id);
    if (['replay', 'config', 'validate'].includes(check.type) && !missed) {
      problems.add(
        file,
        at('checks', n),
        `no near-miss fails "${check.id}"`,
        'Add a configuration that is almost right.',
      );
    }
  }
  for (const [n, miss] of exercise.nearMisses.entries()) {
    if (!ids.includes(miss.fails)) {
      problems.add(file, at('nearMisses', n, 'fails'), `no check "${miss.fails}"`, `The checks are ${ids.join(', ')}.`);
    }
  }
}

/** A learner is never left reading for long: a command, an exercise or a heading's end comes first. */
function lintText(source: LessonSource, problems: Problems): void {
  const file = join(source.folder, 'lesson.md');
  for (const { id } of source.yaml.value.exercises) {
    if (!source.text.includes(`(lesson.yaml#${id})`)) {
      problems.add(
        file,
        1,
        `the exercise "${id}" has no place in the text`,
        `Add a line [Exercise](lesson.yaml#${id}).`,
      );
    }
  }
  let words = 0;
  let fence: 'none' | 'code' | 'run' = 'none';
  for (const [index, line] of source.text.split('\n').entries()) {
    if (line.startsWith('```')) {
      fence = fence !== 'none' ? 'none' : / run\b/.test(line) ? 'run' : 'code';
      if (fence === 'run') words = 0;
    } else if (/^\[[^\]]*\]\(lesson\.yaml#/.test(line)) words = 0;
    else if (fence === 'none') {
      const before = words;
      words += line.split(/\s+/).filter(word => /\w/.test(word)).length;
      if (before <= maximumWords && words > maximumWords) {
        problems.add(
          file,
          index + 1,
          `more than ${maximumWords} words without anything to do`,
          'Shorten, or let the learner do something.',
        );
      }
    }
  }
}

import type { AnswerResult } from '../api.ts';
import type { AnswerCheck, Exercise, QuizCheck } from '../labs/content.ts';
import type { Observation } from './observation.ts';

/** The question of an exercise, if it asks one. */
export function questionCheck(exercise: Exercise): AnswerCheck | QuizCheck | undefined {
  return exercise.checks.find(check => check.type === 'answer' || check.type === 'quiz');
}

/** What is right in this sandbox: the option's id, or the value read from the running proxy; undefined where it cannot be known yet. */
export async function rightValue(check: AnswerCheck | QuizCheck, seen: Observation): Promise<string | undefined> {
  if (check.type === 'quiz') return check.options.find(option => option.right)!.id;
  const value = await seen.stat(check.from.stat);
  return value === undefined || value === 0 ? undefined : String(value);
}

/** Judges what the learner typed or chose, and says why. */
export async function judge(check: AnswerCheck | QuizCheck, value: string, seen: Observation): Promise<AnswerResult> {
  if (check.type === 'quiz') {
    const option = check.options.find(candidate => candidate.id === value);
    return {
      right: option?.right ?? false,
      explanationHtml: option?.becauseHtml ?? '<p>Choose one of the options.</p>\n',
    };
  }
  const right = await rightValue(check, seen);
  const typed = value.trim().replaceAll(/[,\s_]/g, '');
  const isRight = right !== undefined && typed !== '' && Number(typed) === Number(right);
  return { right: isRight, explanationHtml: isRight ? check.rightHtml : check.wrongHtml };
}

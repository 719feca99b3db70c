import type { AnswerResult, CheckState } from '../api.ts';
import type { Check, Exercise } from '../labs/content.ts';
import type { Agent } from './agent.ts';
import { checkArrivals, checkConfig, checkProcess, checkReplay, checkStats, checkValidate } from './kinds.ts';
import { Observation } from './observation.ts';
import { judge, questionCheck, rightValue } from './question.ts';
import { checkTraces } from './traces.ts';
import { CannotObserve, type Verdict } from './verdict.ts';

export interface CheckContext {
  agent: Agent;
  /** Tells learners apart where a check needs something random of each. */
  learner: string;
  /** What the learner last answered to this exercise's question; null or missing: nothing yet. */
  answer?: string | null;
  signal: AbortSignal;
}

/**
 * Runs the checks of an exercise. They observe: nothing of the learner's changes. A check that could not run is `unknown`, with the reason as its hint.
 * @throws only when the signal is aborted
 */
export async function runChecks(exercise: Exercise, context: CheckContext): Promise<CheckState[]> {
  const seen = observe(exercise, context);
  const states: CheckState[] = [];
  for (const check of exercise.checks) states.push(await runCheck(check, context, seen));
  return states;
}

/** Judges an answer to the exercise's question. */
export async function judgeAnswer(exercise: Exercise, value: string, context: CheckContext): Promise<AnswerResult> {
  const check = questionCheck(exercise);
  if (!check) return { right: false, explanationHtml: '<p>This exercise asks nothing.</p>\n' };
  try {
    return await judge(check, value, observe(exercise, context));
  } catch (error) {
    if (!(error instanceof CannotObserve) || check.type !== 'answer') throw error;
    return { right: false, explanationHtml: check.wrongHtml };
  }
}

/** What the right answer is in this sandbox, for solving it before the learner's eyes; undefined where nothing is asked or it cannot be known. */
export async function rightAnswer(exercise: Exercise, context: CheckContext): Promise<string | undefined> {
  const check = questionCheck(exercise);
  return check && rightValue(check, observe(exercise, context));
}

function observe(exercise: Exercise, context: CheckContext): Observation {
  const replays = exercise.checks.filter(check => check.type === 'replay');
  return new Observation(context.agent, context.signal, replays);
}

async function runCheck(check: Check, context: CheckContext, seen: Observation): Promise<CheckState> {
  const { id, title } = check;
  try {
    const verdict = await verdictOf(check, context, seen);
    if (!verdict) return { id, title, state: 'unknown' };
    const hint = verdict.passed ? null : (verdict.hint ?? check.hint);
    const { expected, found } = verdict;
    return { id, title, state: verdict.passed ? 'passed' : 'failed', expected, found, ...(hint ? { hint } : {}) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof CannotObserve) {
      return { id, title, state: 'failed', expected: error.expected, found: error.found, hint: error.hint };
    }
    const message = error instanceof Error ? error.message : String(error);
    return { id, title, state: 'unknown', hint: `The check could not run: ${message}` };
  }
}

async function verdictOf(check: Check, context: CheckContext, seen: Observation): Promise<Verdict | undefined> {
  switch (check.type) {
    case 'process':
      return checkProcess(check, seen);
    case 'arrivals':
      return checkArrivals(check, seen);
    case 'traces':
      return checkTraces(check, seen);
    case 'replay':
      return checkReplay(check, seen);
    case 'stats':
      return checkStats(check, seen);
    case 'config':
      return checkConfig(check, seen);
    case 'validate':
      return checkValidate(check, seen);
    case 'answer':
    case 'quiz': {
      if (context.answer === undefined || context.answer === null) return undefined;
      const { right } = await judge(check, context.answer, seen);
      return { passed: right, expected: 'the right answer', found: right ? 'it is' : 'another one' };
    }
  }
}

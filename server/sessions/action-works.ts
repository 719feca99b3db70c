import type { ActionState } from '../api.ts';
import type { Agent } from '../checks/agent.ts';
import { type CheckContext, rightAnswer } from '../checks/run.ts';
import type { Exercise, Workshop } from '../labs/content.ts';
import { missingAtStart, prepareStart, runSteps } from '../labs/steps.ts';

type Tell = (steps: ActionState['steps']) => void;

/** Files that were moved out of the way. */
type Kept = { from: string; to: string }[];

/**
 * Does an exercise before the learner's eyes; answers what is right where it asks something, and which files were kept aside. Who jumped to it gets
 * first what is missing of that from which it starts, or all of that where programs of another lesson are in the way.
 */
export async function solve(
  workshop: Workshop,
  exercise: Exercise,
  context: CheckContext,
  tell: Tell,
): Promise<{ answer: string | undefined; kept: Kept }> {
  const { agent, signal } = context;
  const missing = await missingAtStart(workshop, exercise, agent, signal);
  const kept = missing ? [] : await prepareStart(workshop, exercise.lesson, agent, tell, signal, exercise.id);
  await runSteps([...(missing ?? []), ...exercise.solution.steps], agent, tell, signal);
  return { answer: await rightAnswer(exercise, context), kept };
}

/** Brings the sandbox to where a lesson starts; answers which files were kept aside. */
export async function catchUp(
  workshop: Workshop,
  lesson: string,
  agent: Agent,
  tell: Tell,
  signal: AbortSignal,
): Promise<Kept> {
  return prepareStart(workshop, lesson, agent, tell, signal);
}

/** Brings the sandbox to where an exercise starts, or the whole lesson. */
export async function resetTo(
  workshop: Workshop,
  lesson: string,
  exercise: string | null,
  agent: Agent,
  tell: Tell,
  signal: AbortSignal,
): Promise<Kept> {
  return prepareStart(workshop, lesson, agent, tell, signal, exercise ?? undefined);
}

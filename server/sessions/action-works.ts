import type { ActionState } from '../api.ts';
import type { Agent } from '../checks/agent.ts';
import { type CheckContext, rightAnswer } from '../checks/run.ts';
import type { Exercise, Workshop } from '../labs/content.ts';
import { prepareStart, runSteps } from '../labs/steps.ts';

type Tell = (steps: ActionState['steps']) => void;

/** Does an exercise before the learner's eyes; answers what is right where it asks something. */
export async function solve(exercise: Exercise, context: CheckContext, tell: Tell): Promise<string | undefined> {
  await runSteps(exercise.solution.steps, context.agent, tell, context.signal);
  return rightAnswer(exercise, context);
}

/** Brings the sandbox to where a lesson starts; answers which files were kept aside. */
export async function catchUp(
  workshop: Workshop,
  lesson: string,
  agent: Agent,
  tell: Tell,
  signal: AbortSignal,
): Promise<{ from: string; to: string }[]> {
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
): Promise<{ from: string; to: string }[]> {
  return prepareStart(workshop, lesson, agent, tell, signal, exercise ?? undefined);
}

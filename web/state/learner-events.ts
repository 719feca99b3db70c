import type { ActionState, LearnerEvent, LearnerState, TrafficRequest } from '../../server/api.ts';

/** As many of the last requests as the picture's list shows. */
export const trafficKept = 100;

/** The learner's state after an event. Events that are no state leave it as it is. */
export function applyEvent(state: LearnerState, event: LearnerEvent): LearnerState {
  switch (event.type) {
    case 'state':
      return event.state;
    case 'sandbox':
      return { ...state, sandbox: event.sandbox };
    case 'terminals':
      return { ...state, terminals: event.terminals };
    case 'exercise':
      return { ...state, exercises: { ...state.exercises, [event.exercise.id]: event.exercise } };
    case 'action':
      return { ...state, action: event.action };
    case 'message':
      return { ...state, messages: [...state.messages.filter(one => one.id !== event.message.id), event.message] };
    case 'follow-slide':
      return { ...state, followSlide: event.slide };
    case 'deletes-at':
      return { ...state, deletesAtMs: event.atMs };
    case 'saving':
      return { ...state, savingPaused: event.paused };
    default:
      return state;
  }
}

/** The exercises that an event newly passed. */
export function newlyPassed(before: LearnerState | null, event: LearnerEvent): string[] {
  if (event.type !== 'exercise' || before === null || !event.exercise.passed) return [];
  return before.exercises[event.exercise.id]?.passed === true ? [] : [event.exercise.id];
}

/** The last requests, newest first. */
export function addTraffic(requests: TrafficRequest[], more: TrafficRequest[]): TrafficRequest[] {
  return [...more.toReversed(), ...requests].slice(0, trafficKept);
}

/** Whether an action is under way (not over, not failed). */
export function isRunning(action: ActionState | null): action is ActionState {
  return action !== null && action.failure === null && action.steps.some(step => !step.done);
}

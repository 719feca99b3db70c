import type { ClassState, InstructorEvent, LearnerRow } from '../../server/api.ts';

/** The class after an event. */
export function applyClassEvent(state: ClassState, event: InstructorEvent): ClassState {
  switch (event.type) {
    case 'class':
      return event.class;
    case 'learner':
      return { ...state, learners: [...state.learners.filter(one => one.id !== event.learner.id), event.learner] };
    case 'learner-removed':
      return { ...state, learners: state.learners.filter(one => one.id !== event.id) };
    case 'follow-slide':
      return { ...state, followSlide: event.slide };
    case 'message':
      return { ...state, messages: [...state.messages.filter(one => one.id !== event.message.id), event.message] };
  }
}

/** Stuck ones first, longest stuck at the top; then who is here; then by name. */
export function inOrder(learners: LearnerRow[]): LearnerRow[] {
  return learners.toSorted(
    (one, other) =>
      Number(other.stuck) - Number(one.stuck) ||
      (one.stuck ? since(one) - since(other) : 0) ||
      Number(other.online) - Number(one.online) ||
      one.name.localeCompare(other.name) ||
      one.id.localeCompare(other.id),
  );
}

const since = (row: LearnerRow): number => (row.current === null ? 0 : (row.exercises[row.current]?.openedAtMs ?? 0));

export type CellState = 'passed' | 'shown' | 'open' | 'stuck' | 'failed' | 'new';

/** What a cell of the map shows: colour and shape are told from it. */
export function cellState(row: LearnerRow, exercise: string): CellState {
  const state = row.exercises[exercise];
  if (state === undefined) return 'new';
  if (state.passed) return state.solvedBy === 'shown' ? 'shown' : 'passed';
  if (row.current !== exercise) return state.failures > 0 ? 'failed' : 'open';
  return row.stuck ? 'stuck' : 'open';
}

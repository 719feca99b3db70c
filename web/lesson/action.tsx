import { post } from '../api/request.ts';
import { Problem } from '../parts/problem.tsx';
import { Steps } from '../parts/steps.tsx';
import { act, learner } from '../state/learner.ts';

const titles = { solve: 'Doing it for you', reset: 'Resetting', 'catch-up': 'Catching you up' } as const;

/** What runs for the learner now, step by step: for one exercise, or (null) for the whole lesson. */
export function Action({ exercise }: { exercise: string | null }) {
  const action = learner.value?.action ?? null;
  if (action === null || action.exercise !== exercise) return null;
  const path =
    exercise === null
      ? `/api/lessons/${encodeURIComponent(action.lesson)}`
      : `/api/exercises/${encodeURIComponent(exercise)}`;
  const again = () => void act(() => post(`${path}/${action.kind}`));
  return (
    <div class="action" role="status">
      <p class="label">{titles[action.kind]}</p>
      <Steps steps={action.steps} label={titles[action.kind]} />
      {action.failure === null ? null : <Problem what={action.failure} action={{ label: 'Try again', run: again }} />}
    </div>
  );
}

import type { LearnerRow } from '../../server/api.ts';
import { Check } from '../lesson/checks.tsx';
import { useNow } from '../parts/countdown.tsx';
import { ago, duration, exactly } from '../parts/time.ts';
import { Actions } from './actions.tsx';
import { columns } from './state.ts';

/** One learner: the last check with what was expected and found, times, and what can be done. */
export function Details({ row }: { row: LearnerRow }) {
  const now = useNow();
  const at = columns.value.flatMap(lesson => lesson.exercises).find(one => one.id === row.current);
  const openedAt = row.current === null ? null : (row.exercises[row.current]?.openedAtMs ?? null);
  return (
    <div class="details">
      <div class="detail-facts">
        <p class="wrap">
          <bdi>{row.name}</bdi>
        </p>
        <p class="small quiet-text" title={exactly(row.joinedAtMs)}>
          joined {ago(row.joinedAtMs, now)} · in lesson {row.lesson ?? '–'}
          {at === undefined ? '' : ` · at "${at.title}"${openedAt === null ? '' : ` for ${duration(now - openedAt)}`}`}
        </p>
        {row.sandbox.phase === 'failed' ? <p class="small failed">{row.sandbox.message}</p> : null}
      </div>
      {row.lastCheck === null ? (
        <p class="small quiet-text">No check ran yet.</p>
      ) : (
        <ul class="checks" aria-label="Last check">
          <Check check={row.lastCheck.check} />
        </ul>
      )}
      <Actions ids={[row.id]} who={row.name.slice(0, 60)} />
    </div>
  );
}

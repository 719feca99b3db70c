import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { CheckState, ExercisePage, ExerciseState } from '../../server/api.ts';
import { post } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { confirm } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { act, justPassed, learner } from '../state/learner.ts';
import { isRunning } from '../state/learner-events.ts';
import { Action } from './action.tsx';
import { Check } from './checks.tsx';
import { Html, type Replace } from './html.tsx';
import { Question } from './question.tsx';

/** An exercise: the task, what is checked and why it does not pass yet, and the ladder of help. */
export function Exercise({ page, replace }: { page: ExercisePage; replace: Replace }) {
  const state = useMemo(() => computed(() => learner.value?.exercises[page.id]), [page.id]).value;
  const passed = state?.passed === true;
  return (
    <section
      class={`exercise ${passed ? 'passed' : ''} ${justPassed.value === page.id ? 'joy' : ''}`}
      aria-labelledby={`exercise-${page.id}`}
      data-exercise={page.id}
      data-passed={passed}
    >
      <header class="row">
        <h3 id={`exercise-${page.id}`} class="grow">
          {page.title}
        </h3>
        {passed ? <Passed state={state} /> : null}
        {page.core ? null : <span class="chip">extra</span>}
        <span class="chip" title="About that long">
          {page.minutes} min
        </span>
      </header>
      <div class="task">
        <Html html={page.taskHtml} replace={replace} />
      </div>
      {page.question === null ? null : <Question exercise={page.id} question={page.question} />}
      <ul class="checks" aria-label="Checks">
        {checksOf(page, state).map(check => (
          <Check key={check.id} check={check} explained={page.question !== null} />
        ))}
      </ul>
      <Hints hints={state?.hintsHtml ?? []} total={page.hints} replace={replace} />
      {state?.solutionHtml ? (
        <div class="help-text solution">
          <p class="label">Solution</p>
          <Html html={state.solutionHtml} replace={replace} />
        </div>
      ) : null}
      <Action exercise={page.id} />
      <Feet page={page} state={state} />
    </section>
  );
}

function checksOf(page: ExercisePage, state: ExerciseState | undefined): CheckState[] {
  return page.checks.map(
    check =>
      state?.checks.find(one => one.id === check.id) ?? { ...check, state: state?.passed ? 'passed' : 'unknown' },
  );
}

function Passed({ state }: { state: ExerciseState | undefined }) {
  return (
    <span class="passed-mark small">
      <Icon name="check" />
      {state?.solvedBy === 'shown' ? 'shown' : 'done'}
    </span>
  );
}

function Hints({ hints, total, replace }: { hints: string[]; total: number; replace: Replace }) {
  return (
    <>
      {hints.map((hint, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: hints only ever join at the end
        <div class="help-text" key={index} role="note">
          <p class="label">
            Hint {index + 1} of {total}
          </p>
          <Html html={hint} replace={replace} />
        </div>
      ))}
    </>
  );
}

function Feet({ page, state }: { page: ExercisePage; state: ExerciseState | undefined }) {
  const path = `/api/exercises/${encodeURIComponent(page.id)}`;
  const shown = state?.hintsHtml.length ?? 0;
  const ready = learner.value?.sandbox.phase === 'ready';
  const busy = isRunning(learner.value?.action ?? null) || !ready;
  const why = ready ? 'Something runs for you already; wait until it is done.' : 'Your sandbox is not ready yet.';
  return (
    <footer class="exercise-feet row">
      {shown < page.hints ? (
        <Button
          label={`hint ${shown + 1} of ${page.hints}`}
          icon="bulb"
          kind="quiet"
          onClick={() => void act(() => post(`${path}/hint`))}
        />
      ) : null}
      {state?.solutionHtml ? null : (
        <Button label="solution" icon="eye" kind="quiet" onClick={() => void act(() => post(`${path}/solution`))} />
      )}
      <Button
        label="do it for me"
        icon="forward"
        kind="quiet"
        disabled={busy}
        {...(busy ? { title: why } : {})}
        onClick={() => void act(() => post(`${path}/solve`))}
      />
      <span class="grow" />
      {page.checks.length > 0 ? (
        <Button
          label="Check now"
          icon="again"
          bare
          kind="quiet"
          disabled={!ready}
          onClick={() => void act(() => post(`${path}/check`))}
        />
      ) : null}
      <Button
        label="reset"
        icon="undo"
        kind="quiet"
        disabled={busy}
        {...(busy ? { title: why } : {})}
        onClick={() => void reset(path, page.title)}
      />
    </footer>
  );
}

async function reset(path: string, title: string): Promise<void> {
  const text =
    'Your programs are ended and the sandbox goes back to where this exercise starts. Files of yours that differ are kept in ~/kept.';
  if (await confirm(`Reset "${title}"?`, text, 'Reset')) await act(() => post(`${path}/reset`));
}

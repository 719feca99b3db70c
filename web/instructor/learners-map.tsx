import type { LearnerRow } from '../../server/api.ts';
import { useNow } from '../parts/countdown.tsx';
import { Icon, type IconName } from '../parts/icon.tsx';
import { ago, duration, exactly } from '../parts/time.ts';
import { type CellState, cellState } from '../state/class-events.ts';
import { titleOf } from '../state/lessons.ts';
import { Actions } from './actions.tsx';
import { Details } from './details.tsx';
import { sandboxWords } from './sandbox-words.ts';
import { columns, opened, rows, select, selected } from './state.ts';

const shapes: Record<CellState, { icon: IconName | null; word: string }> = {
  passed: { icon: 'check', word: 'passed' },
  shown: { icon: 'forward', word: 'solved for them' },
  open: { icon: 'dot', word: 'at it' },
  stuck: { icon: 'alert', word: 'stuck' },
  failed: { icon: 'ring', word: 'left unfinished' },
  new: { icon: null, word: 'not opened' },
};

/** One row a learner, one cell an exercise; who is stuck rises to the top. */
export function LearnersMap() {
  const all = rows.value;
  if (all.length === 0) return <Nobody />;
  const chosen = all.filter(row => selected.value.has(row.id)).map(row => row.id);
  return (
    <section class="map" aria-label="Learners and exercises">
      <div class="map-bar row">
        <Legend />
        <span class="grow" />
        <span class="small quiet-text">
          {chosen.length === 0 ? 'choose learners to act on several' : `${chosen.length} chosen`}
        </span>
        <Actions ids={chosen} who={`${chosen.length} learners`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="map-scroll" tabIndex={0} aria-label="The map; arrow keys scroll">
        <table>
          <Head all={all} />
          <tbody>
            {all.map(row => (
              <Row key={row.id} row={row} />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Nobody() {
  return (
    <section class="map centred" aria-label="Learners and exercises">
      <h2>Nobody is here yet</h2>
      <p class="quiet-text">Show the class how to join: rows appear as learners arrive.</p>
    </section>
  );
}

function Legend() {
  return (
    <ul class="legend small" aria-label="Legend">
      {(['passed', 'shown', 'open', 'stuck', 'failed'] as const).map(state => (
        <li key={state} class={`cell ${state}`}>
          <Shape state={state} />
          {shapes[state].word}
        </li>
      ))}
    </ul>
  );
}

function Shape({ state }: { state: CellState }) {
  const { icon } = shapes[state];
  return icon === null ? <span class="nothing" aria-hidden="true" /> : <Icon name={icon} solid={state === 'open'} />;
}

function Head({ all }: { all: LearnerRow[] }) {
  const every = all.every(row => selected.value.has(row.id));
  const toggle = () => {
    selected.value = every ? new Set() : new Set(all.map(row => row.id));
  };
  return (
    <thead>
      <tr>
        <th scope="col" rowSpan={2}>
          <input type="checkbox" aria-label="Choose all learners" checked={every} onChange={toggle} />
        </th>
        <th scope="col" rowSpan={2}>
          Learner
        </th>
        {columns.value.map(lesson => (
          <th
            key={lesson.id}
            scope="colgroup"
            colSpan={lesson.exercises.length}
            class="lesson-column"
            title={titleOf(lesson)}
          >
            {titleOf(lesson).split(' ')[0]}
            <span class="hidden-text"> {lesson.title}</span>
          </th>
        ))}
        <th scope="col" rowSpan={2}>
          Last check
        </th>
        <th scope="col" rowSpan={2}>
          Sandbox
        </th>
      </tr>
      <tr>
        {columns.value.flatMap(lesson =>
          lesson.exercises.map((exercise, index) => (
            <th
              key={exercise.id}
              scope="col"
              class={`exercise-column ${index === 0 ? 'first' : ''}`}
              title={exercise.title}
            >
              <span aria-hidden="true">{index + 1}</span>
              <span class="hidden-text">{exercise.title}</span>
            </th>
          )),
        )}
      </tr>
    </thead>
  );
}

function Row({ row }: { row: LearnerRow }) {
  const open = opened.value === row.id;
  const width = columns.value.reduce((sum, lesson) => sum + lesson.exercises.length, 4);
  return (
    <>
      <tr
        class={`${row.stuck ? 'stuck' : ''} ${row.online ? '' : 'offline'} ${open ? 'open' : ''}`}
        data-learner={row.id}
      >
        <td>
          <input
            type="checkbox"
            aria-label={`Choose ${row.name.slice(0, 80)}`}
            checked={selected.value.has(row.id)}
            onChange={event => select(row.id, event.currentTarget.checked)}
          />
        </td>
        <th scope="row">
          <Name row={row} open={open} />
        </th>
        {columns.value.flatMap(lesson =>
          lesson.exercises.map((exercise, index) => (
            <Cell key={exercise.id} row={row} exercise={exercise} first={index === 0} />
          )),
        )}
        <td class="last-check">
          <LastCheck row={row} />
        </td>
        <Sandbox row={row} />
      </tr>
      {open ? (
        <tr class="details-row">
          <td colSpan={width}>
            <Details row={row} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

function Name({ row, open }: { row: LearnerRow; open: boolean }) {
  const now = useNow();
  const where = row.online ? 'here' : `away, last seen ${ago(row.lastSeenAtMs, now)}`;
  return (
    <button
      type="button"
      class="name"
      aria-expanded={open}
      title={`${row.name.slice(0, 200)} – ${where}; ${exactly(row.lastSeenAtMs)}`}
      onClick={() => {
        opened.value = open ? null : row.id;
      }}
    >
      <Icon name={open ? 'down' : 'right'} />
      <span class={row.online ? 'presence here' : 'presence'} />
      <bdi>{row.name}</bdi>
      <span class="hidden-text">, {where}</span>
    </button>
  );
}

function Cell({ row, exercise, first }: { row: LearnerRow; exercise: { id: string; title: string }; first: boolean }) {
  const now = useNow();
  const state = cellState(row, exercise.id);
  const known = row.exercises[exercise.id];
  const time = known?.openedAtMs == null ? '' : duration((known.passedAtMs ?? now) - known.openedAtMs);
  const words = [
    shapes[state].word,
    time,
    known !== undefined && known.failures > 0 ? `${known.failures} failed checks` : '',
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <td
      class={`cell ${state} ${first ? 'first' : ''}`}
      title={`${exercise.title}: ${words}`}
      data-state={state}
      data-exercise={exercise.id}
    >
      <Shape state={state} />
      <span class="hidden-text">{words}</span>
    </td>
  );
}

function Sandbox({ row }: { row: LearnerRow }) {
  const now = useNow();
  const { sandbox } = row;
  const endsAtMs = sandbox.phase === 'ready' ? sandbox.expiresAtMs : null;
  return (
    <td
      class={`sandbox ${sandbox.phase}`}
      title={endsAtMs === null ? undefined : `Ends at ${exactly(endsAtMs)} if nothing happens in it`}
    >
      {sandboxWords(sandbox, now)}
    </td>
  );
}

function LastCheck({ row }: { row: LearnerRow }) {
  const now = useNow();
  const last = row.lastCheck;
  if (last === null) return <span class="quiet-text">–</span>;
  const failed = last.check.state === 'failed';
  return (
    <span class={`row nowrap ${last.check.state}`} title={exactly(last.atMs)}>
      <Icon
        name={{ failed: 'alert', passed: 'check', running: 'dot', unknown: 'ring' }[last.check.state] as IconName}
      />
      <span class="grow clip">
        {failed && last.check.found !== undefined ? `${last.check.title}: ${last.check.found}` : last.check.title}
      </span>
      <span class="quiet-text">{ago(last.atMs, now)}</span>
    </span>
  );
}

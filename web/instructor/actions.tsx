import { useSignal } from '@preact/signals';
import { Button } from '../parts/button.tsx';
import { confirm } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { titleOf } from '../state/lessons.ts';
import { columns, forLearners, type LearnerAction, outline } from './state.ts';

interface Choice {
  action: LearnerAction;
  label: string;
  /** What is told when it went well. */
  done: string;
  /** What is lost by it; asked before. */
  ask?: string;
}
const choices: Choice[] = [
  { action: 'start', label: 'start', done: 'starting' },
  { action: 'extend', label: 'extend', done: 'extended' },
  {
    action: 'reset',
    label: 'reset',
    done: 'reset',
    ask: 'Programs that run are ended; files that differ from the start are kept in ~/kept.',
  },
  {
    action: 'end',
    label: 'end',
    done: 'ended',
    ask: 'The sandbox is ended. Files and progress are kept; it can be started again.',
  },
  {
    action: 'remove',
    label: 'remove',
    done: 'removed',
    ask: 'Sandbox, files and progress are deleted. This cannot be taken back.',
  },
];

/** What an instructor can do for one learner, or for several. */
export function Actions({ ids, who }: { ids: string[]; who: string }) {
  const none = ids.length === 0;
  const told = useSignal<string | null>(null);
  const tell = (count: number, done: string) => {
    told.value = count === 0 ? null : ids.length === 1 ? done : `${done}: ${count} of ${ids.length}`;
  };
  const run = async ({ action, label, done, ask }: Choice) => {
    told.value = null;
    if (ask !== undefined && !(await confirm(`${label[0]?.toUpperCase()}${label.slice(1)}: ${who}?`, ask, label)))
      return;
    tell(await forLearners(ids, action), done);
  };
  return (
    <fieldset class="row actions" aria-label={`Actions for ${who}`}>
      {choices.map(choice => (
        <Button
          key={choice.action}
          label={choice.label}
          disabled={none}
          kind={choice.action === 'remove' ? 'quiet danger' : 'quiet'}
          onClick={() => void run(choice)}
        />
      ))}
      <select
        class="input catch-up"
        aria-label={`Catch up ${who} to a lesson`}
        disabled={none}
        value=""
        onChange={event => {
          const lesson = event.currentTarget.value;
          event.currentTarget.value = '';
          void catchUp(ids, who, lesson).then(count => tell(count, `catching up to ${lesson}`));
        }}
      >
        <option value="">catch up to …</option>
        {(outline.value?.modules ?? [])
          .flatMap(module => module.lessons)
          .filter(lesson => columns.value.includes(lesson))
          .map(lesson => (
            <option key={lesson.id} value={lesson.id}>
              {titleOf(lesson)}
            </option>
          ))}
      </select>
      <span class="small told" role="status">
        {told.value === null ? null : (
          <>
            <Icon name="check" />
            {told.value}
          </>
        )}
      </span>
    </fieldset>
  );
}

/** Answers for how many it went well. */
async function catchUp(ids: string[], who: string, lesson: string): Promise<number> {
  if (lesson === '') return 0;
  const text =
    'Programs that run are ended, and the sandbox is brought to where the lesson starts. Files that differ are kept in ~/kept.';
  if (!(await confirm(`Catch up ${who} to lesson ${lesson}?`, text, 'catch up'))) return 0;
  return forLearners(ids, 'catch-up', { lesson });
}

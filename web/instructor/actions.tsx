import { Button } from '../parts/button.tsx';
import { confirm } from '../parts/dialog.tsx';
import { titleOf } from '../state/lessons.ts';
import { columns, forLearners, type LearnerAction, outline } from './state.ts';

interface Choice {
  action: LearnerAction;
  label: string;
  /** What is lost by it; asked before. */
  ask?: string;
}
const choices: Choice[] = [
  { action: 'start', label: 'start' },
  { action: 'extend', label: 'extend' },
  {
    action: 'reset',
    label: 'reset',
    ask: 'Programs that run are ended; files that differ from the start are kept in ~/kept.',
  },
  { action: 'end', label: 'end', ask: 'The sandbox is ended. Files and progress are kept; it can be started again.' },
  { action: 'remove', label: 'remove', ask: 'Sandbox, files and progress are deleted. This cannot be taken back.' },
];

/** What an instructor can do for one learner, or for several. */
export function Actions({ ids, who }: { ids: string[]; who: string }) {
  const none = ids.length === 0;
  const run = async ({ action, label, ask }: Choice) => {
    if (ask !== undefined && !(await confirm(`${label[0]?.toUpperCase()}${label.slice(1)}: ${who}?`, ask, label)))
      return;
    await forLearners(ids, action);
  };
  return (
    <fieldset class="row actions" aria-label={`Actions for ${who}`}>
      {choices.map(choice => (
        <Button
          key={choice.action}
          label={choice.label}
          disabled={none}
          kind={choice.action === 'remove' ? 'danger' : 'quiet'}
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
          void catchUp(ids, who, lesson);
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
    </fieldset>
  );
}

async function catchUp(ids: string[], who: string, lesson: string): Promise<void> {
  if (lesson === '') return;
  const text =
    'Programs that run are ended, and the sandbox is brought to where the lesson starts. Files that differ are kept in ~/kept.';
  if (await confirm(`Catch up ${who} to lesson ${lesson}?`, text, 'catch up'))
    await forLearners(ids, 'catch-up', { lesson });
}

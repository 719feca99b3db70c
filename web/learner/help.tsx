import { signal, useSignal } from '@preact/signals';
import type { ResumeLink } from '../../server/api.ts';
import { asFailure, post, type RequestFailure } from '../api/request.ts';
import { CopyButton } from '../lesson/command.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { learner } from '../state/learner.ts';
import { readerMode } from '../state/preferences.ts';
import { Messages } from './messages.tsx';

export const helpOpen = signal(false);

const keys: [string, string][] = [
  ['Esc, then Tab', 'leave a terminal or the editor (with Shift: backwards)'],
  ['Ctrl Shift ←  →', 'leave a terminal at once'],
  ['Ctrl Shift C, V', 'copy, paste; Ctrl-C copies too while something is selected'],
  ['Ctrl Shift F', 'search in the terminal'],
  ['Ctrl Shift +  −', 'larger, smaller type'],
  ['Ctrl S', 'save the file in the editor'],
];

/** Keys, how to go on in another browser, how to read the terminal aloud, what the instructor said. */
export function Help() {
  if (!helpOpen.value) return null;
  const close = () => {
    helpOpen.value = false;
  };
  return (
    <Dialog title="Help" onClose={close}>
      <dl class="keys">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <label class="row check-row">
        <input
          type="checkbox"
          checked={readerMode.value}
          onChange={event => {
            readerMode.value = event.currentTarget.checked;
          }}
        />
        Terminals speak to screen readers
      </label>
      <Resume />
      {learner.value === null || learner.value.messages.length === 0 ? null : (
        <Messages messages={learner.value.messages} />
      )}
    </Dialog>
  );
}

function Resume() {
  const link = useSignal<string | null>(null);
  const failure = useSignal<RequestFailure | null>(null);
  const ask = async () => {
    failure.value = null;
    try {
      link.value = (await post<ResumeLink>('/api/resume-link')).url;
    } catch (cause) {
      failure.value = asFailure(cause);
    }
  };
  if (failure.value !== null) return <FailureProblem failure={failure.value} retry={() => void ask()} />;
  return (
    <section class="resume">
      <h3>Go on in another browser</h3>
      {link.value === null ? (
        <Button label="Make a link" onClick={() => void ask()} />
      ) : (
        <>
          <p class="quiet-text">Whoever has this link is you: keep it to yourself.</p>
          <div class="row nowrap">
            <input
              class="input grow"
              readOnly
              value={link.value}
              aria-label="Your link"
              onFocus={event => event.currentTarget.select()}
            />
            <CopyButton text={link.value} />
          </div>
        </>
      )}
    </section>
  );
}

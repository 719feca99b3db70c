import { useSignal } from '@preact/signals';
import { asFailure, post, type RequestFailure } from '../api/request.ts';
import { newTerminal, showTerminal } from '../panes/panes.ts';
import { Button } from '../parts/button.tsx';
import { copyText } from '../parts/clipboard.ts';
import { Icon } from '../parts/icon.tsx';

type Run = { state: 'idle' | 'sending' | 'typed' } | { state: 'failed'; failure: RequestFailure };

/** Types a command into a terminal, as soon as its shell waits at its prompt. */
export async function runCommand(terminal: string, command: string): Promise<void> {
  showTerminal(terminal);
  await post(`/api/terminals/${encodeURIComponent(terminal)}/run`, { command });
}

/** A command of the lesson: run it with a click, or copy it. */
export function Command({ command, terminal }: { command: string; terminal: string }) {
  const run = useSignal<Run>({ state: 'idle' });
  const start = async (where: string) => {
    run.value = { state: 'sending' };
    try {
      await runCommand(where, command);
      run.value = { state: 'typed' };
    } catch (cause) {
      run.value = { state: 'failed', failure: asFailure(cause) };
    }
  };
  return (
    <div class="command">
      <pre>
        <code>{command}</code>
      </pre>
      <div class="command-feet row">
        <Button
          label={run.value.state === 'sending' ? 'waits for the prompt …' : 'run'}
          icon="play"
          kind="quiet"
          disabled={run.value.state === 'sending'}
          title={`Types it into the terminal "${terminal}"`}
          onClick={() => void start(terminal)}
        />
        <CopyButton text={command} />
        <span class="grow" />
        <button type="button" class="terminal-name small" onClick={() => showTerminal(terminal)}>
          <span class="hidden-text">goes to terminal </span>
          {terminal}
        </button>
        {run.value.state === 'typed' ? (
          <span class="typed" title="Typed into the terminal">
            <Icon name="check" />
            <span class="hidden-text" role="status">
              typed into {terminal}
            </span>
          </span>
        ) : null}
      </div>
      {run.value.state === 'failed' ? (
        <Refused failure={run.value.failure} terminal={terminal} start={where => void start(where)} />
      ) : null}
    </div>
  );
}

interface RefusedProps {
  failure: RequestFailure;
  terminal: string;
  start: (terminal: string) => void;
}

function Refused({ failure, terminal, start }: RefusedProps) {
  const busy = failure.code === 'busy';
  return (
    <div class="command-refused small" role="alert">
      <p>
        {busy
          ? `A program is running in the terminal "${terminal}". Stop it with Ctrl-C there, or use another terminal.`
          : failure.message}{' '}
        {busy ? null : failure.remedy}
      </p>
      <div class="row">
        <Button label="Run it again" onClick={() => start(terminal)} />
        {busy ? <Button label="Run it in a new terminal" onClick={() => start(newTerminal(0))} /> : null}
      </div>
    </div>
  );
}

export function CopyButton({ text, label = 'copy' }: { text: string; label?: string }) {
  const result = useSignal<'idle' | 'copied' | 'failed'>('idle');
  const copy = async () => {
    result.value = (await copyText(text)) ? 'copied' : 'failed';
  };
  const shown = { idle: label, copied: 'copied', failed: 'select and copy by hand' }[result.value];
  return (
    <Button
      label={shown}
      icon={result.value === 'copied' ? 'check' : 'copy'}
      kind="quiet"
      onClick={() => void copy()}
    />
  );
}

import { signal } from '@preact/signals';
import { post } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { Countdown, NextTry, useNow } from '../parts/countdown.tsx';
import { Icon } from '../parts/icon.tsx';
import { fullTime } from '../parts/time.ts';
import { act, connection, dismissNotice, learner, notices, reconnect } from '../state/learner.ts';

/** Say so before a sandbox ends by itself. */
const warnBeforeMs = 5 * 60_000;
const dayMs = 24 * 3_600_000;
const dismissed = signal<ReadonlySet<string>>(new Set());

/** Lines under the top bar: a lost connection, a message of the instructor, a sandbox that is about to end, notices. */
export function Bars() {
  return (
    <div class="bars" aria-live="polite">
      <Reconnecting />
      <SavingPaused />
      <Deletion />
      <LastMessage />
      <Expiry />
      {notices.value.map(notice => (
        <p class="bar" key={notice.id}>
          <Icon name="alert" />
          <span class="grow">{notice.text}</span>
          <Button label="Put away" icon="cross" bare kind="quiet" onClick={() => dismissNotice(notice.id)} />
        </p>
      ))}
    </div>
  );
}

function Reconnecting() {
  const status = connection.value;
  if (status.phase !== 'waiting') return null;
  return (
    <p class="bar warning" data-state="reconnecting">
      <Icon name="alert" />
      <span class="grow">
        The server cannot be reached. Your sandbox goes on and nothing is lost. <NextTry atMs={status.retryAtMs} />
      </span>
      <Button label="Try now" onClick={reconnect} />
    </p>
  );
}

function SavingPaused() {
  if (learner.value?.savingPaused !== true) return null;
  return (
    <p class="bar warning" data-state="saving-paused">
      <Icon name="alert" />
      <span class="grow">
        Saving is paused: the database does not answer. Go on working; what you pass is kept and saved when it is back.
      </span>
    </p>
  );
}

/** In the last day, so that whoever wants to keep something can. */
function Deletion() {
  const atMs = learner.value?.deletesAtMs ?? null;
  const now = useNow();
  if (atMs === null || atMs - now > dayMs) return null;
  return (
    <p class="bar warning" data-state="deletion">
      <Icon name="clock" />
      <span class="grow">
        The class ends: your files and your progress are deleted on {fullTime(atMs)}. Copy what you want to keep.
      </span>
    </p>
  );
}

function LastMessage() {
  const message = learner.value?.messages.at(-1);
  if (message === undefined || dismissed.value.has(message.id)) return null;
  const putAway = () => {
    dismissed.value = new Set([...dismissed.value, message.id]);
  };
  return (
    <p class="bar message">
      <Icon name="message" />
      <span class="grow">
        <b>Your instructor:</b> {message.text}
      </span>
      <Button label="Put away" icon="cross" bare kind="quiet" onClick={putAway} />
    </p>
  );
}

function Expiry() {
  const sandbox = learner.value?.sandbox;
  return sandbox?.phase === 'ready' && sandbox.expiresAtMs !== null ? <Expires atMs={sandbox.expiresAtMs} /> : null;
}

function Expires({ atMs }: { atMs: number }) {
  const left = atMs - useNow();
  if (left > warnBeforeMs) return null;
  return (
    <p class="bar warning">
      <Icon name="clock" />
      <span class="grow">
        Your sandbox ends in {left > 90_000 ? `${Math.round(left / 60_000)} min` : <Countdown toMs={atMs} />}. Files and
        progress are kept.
      </span>
      <Button label="Extend" onClick={() => void act(() => post('/api/sandbox/extend'))} />
    </p>
  );
}

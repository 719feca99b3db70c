import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { NextTry } from '../parts/countdown.tsx';
import { endTerminal, terminalSession } from './registry.ts';
import type { TerminalSession } from './session.ts';

/** A terminal in its place, with what lies over it: search, a lost connection, a shell that ended. */
export function TerminalView({ name, leaving }: { name: string; leaving: (direction: 'on' | 'back') => void }) {
  const place = useRef<HTMLDivElement>(null);
  const generation = useSignal(0);
  const session = terminalSession(name);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    session.attach(element, leaving);
    const observer = new ResizeObserver(() => session.fit());
    observer.observe(element);
    return () => observer.disconnect();
  }, [session]);
  const renew = async () => {
    await endTerminal(name);
    generation.value += 1;
  };
  const away = session.status.value.phase === 'waiting';
  return (
    <section
      class="terminal-view"
      aria-label={`Terminal ${name}. Escape, then Tab, leaves it.`}
      data-terminal={name}
      data-renewed={generation.value}
    >
      {session.searching.value ? <SearchBar session={session} /> : null}
      <div ref={place} class={away ? 'terminal-place away' : 'terminal-place'} />
      {away ? <Away session={session} /> : null}
      {session.exited.value === null ? null : <Ended status={session.exited.value} renew={() => void renew()} />}
      <p class="leave-hint" aria-hidden="true">
        <kbd>Esc</kbd> <kbd>Tab</kbd> leaves
      </p>
    </section>
  );
}

function Away({ session }: { session: TerminalSession }) {
  const status = session.status.value;
  if (status.phase !== 'waiting') return null;
  const { bytes, full } = session.kept.value;
  return (
    <div class="over" role="status" data-state="reconnecting">
      <p>
        <b>Connection lost.</b> The shell goes on;{' '}
        {full
          ? 'no more can be typed ahead.'
          : bytes === 0
            ? 'what you type is kept.'
            : `what you typed is kept (${bytes} bytes).`}{' '}
        <NextTry atMs={status.retryAtMs} />
      </p>
      <Button
        label="Try now"
        onClick={() => {
          session.retry();
          session.focus();
        }}
      />
    </div>
  );
}

function Ended({ status, renew }: { status: number; renew: () => void }) {
  return (
    <div class="over" role="status">
      <p>
        <b>The shell ended</b> with status {status}.
      </p>
      <Button label="New shell" kind="main" onClick={renew} />
    </div>
  );
}

function SearchBar({ session }: { session: TerminalSession }) {
  const text = useSignal('');
  const found = useSignal(true);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const seek = (forward: boolean) => {
    const query = text.value;
    found.value = query === '' || (forward ? session.search.findNext(query) : session.search.findPrevious(query));
  };
  const close = () => {
    session.searching.value = false;
    session.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') close();
    if (event.key === 'Enter') seek(event.shiftKey);
  };
  return (
    <search class="search-bar row">
      <input
        ref={field}
        class="input grow"
        aria-label="Search in the terminal"
        aria-invalid={!found.value}
        value={text.value}
        onInput={event => {
          text.value = event.currentTarget.value;
          seek(false);
        }}
        onKeyDown={onKeyDown}
      />
      <span class="small quiet-text" role="status">
        {found.value ? '' : 'not found'}
      </span>
      <Button label="Earlier" icon="left" bare kind="quiet" onClick={() => seek(false)} />
      <Button label="Later" icon="right" bare kind="quiet" onClick={() => seek(true)} />
      <Button label="Close the search" icon="cross" bare kind="quiet" onClick={close} />
    </search>
  );
}

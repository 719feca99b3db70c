import { useRef } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { confirm } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { lazily } from '../parts/lazily.tsx';
import { learner } from '../state/learner.ts';
import { terminalSize } from '../state/preferences.ts';
import { terminalSession } from '../terminal/registry.ts';
import { TerminalView } from '../terminal/view.tsx';
import { close, join, move, newTerminal, panes, show, split } from './panes.ts';
import { keyOf, labelOf, type Pane, type Tab } from './panes-state.ts';
import { unsaved } from './unsaved.ts';

const Editor = lazily(() => import('../editor/editor.tsx').then(module => module.Editor), 'the editor');

/** The panes: one, or two above one another. */
export function PanesView({ leaving }: { leaving: (direction: 'on' | 'back') => void }) {
  return (
    <div class="panes" data-count={panes.value.length}>
      {panes.value.map((pane, index) => (
        <PaneView key={index === 0 ? 'first' : 'second'} pane={pane} index={index} leaving={leaving} />
      ))}
    </div>
  );
}

interface PaneProps {
  pane: Pane;
  index: number;
  leaving: (direction: 'on' | 'back') => void;
}

function PaneView({ pane, index, leaving }: PaneProps) {
  const shown = pane.tabs.find(tab => keyOf(tab) === pane.shown);
  const panel = `pane-${index}`;
  return (
    <div class="pane">
      <div class="tab-row">
        <Tabs pane={pane} panel={panel} index={index} />
        <Button label="New terminal" icon="plus" bare kind="quiet" onClick={() => newTerminal(index)} />
        <span class="grow" />
        <Tools shown={shown} index={index} />
      </div>
      <div
        class="pane-body"
        id={panel}
        role="tabpanel"
        aria-labelledby={shown === undefined ? undefined : `${panel}-${keyOf(shown)}`}
      >
        {shown === undefined ? <Empty index={index} /> : null}
        {shown?.kind === 'terminal' ? (
          <TerminalView
            key={shown.name}
            name={shown.name}
            leaving={direction => toOtherPane(direction, index) || leaving(direction)}
          />
        ) : null}
        {shown?.kind === 'file' ? <Editor key={shown.path} path={shown.path} /> : null}
      </div>
    </div>
  );
}

/** Out of a terminal, to the pane that lies in that direction; answers whether there is one. */
function toOtherPane(direction: 'on' | 'back', index: number): boolean {
  const other = `pane-${direction === 'on' ? index + 1 : index - 1}`;
  const tab = document.querySelector<HTMLElement>(`[role=tab][aria-controls="${other}"]`);
  tab?.focus();
  return tab !== null;
}

function Empty({ index }: { index: number }) {
  return (
    <div class="centred">
      <p class="quiet-text">No terminal is open here. Your files and progress are kept.</p>
      <Button label="Open a terminal" icon="plus" onClick={() => newTerminal(index)} />
    </div>
  );
}

function Tabs({ pane, panel, index }: { pane: Pane; panel: string; index: number }) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = pane.tabs.findIndex(tab => keyOf(tab) === pane.shown);
    const next = pane.tabs.at((at + step) % pane.tabs.length);
    if (next === undefined) return;
    event.preventDefault();
    show(keyOf(next));
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return (
    <div
      ref={list}
      class="tabs"
      role="tablist"
      aria-label={index === 0 ? 'Terminals and files' : 'Terminals and files below'}
      onKeyDown={onKeyDown}
      onWheel={scrollAlong}
    >
      {pane.tabs.map(tab => (
        <TabButton key={keyOf(tab)} tab={tab} selected={keyOf(tab) === pane.shown} panel={panel} />
      ))}
    </div>
  );
}

/** A wheel that turns one way only scrolls along the tabs, too. */
function scrollAlong(event: WheelEvent & { currentTarget: HTMLElement }): void {
  if (event.deltaX === 0) event.currentTarget.scrollLeft += event.deltaY;
}

function TabButton({ tab, selected, panel }: { tab: Tab; selected: boolean; panel: string }) {
  const key = keyOf(tab);
  const state = tab.kind === 'terminal' ? learner.value?.terminals.find(one => one.name === tab.name) : undefined;
  const dirty = tab.kind === 'file' && unsaved.value.has(tab.path);
  const busy = state !== undefined && !state.atPrompt && state.exitStatus === null;
  return (
    <button
      type="button"
      role="tab"
      id={`${panel}-${key}`}
      class="tab"
      aria-selected={selected}
      aria-controls={selected ? panel : undefined}
      tabIndex={selected ? 0 : -1}
      title={tab.kind === 'file' ? `~/${tab.path}` : busy ? 'A program is running' : 'Terminal'}
      onClick={() => show(key)}
    >
      {labelOf(tab)}
      {busy ? (
        <span class="busy">
          <Icon name="dot" solid />
          <span class="hidden-text">, a program is running</span>
        </span>
      ) : null}
      {dirty ? <span class="dirty">, not saved</span> : null}
    </button>
  );
}

function Tools({ shown, index }: { shown: Tab | undefined; index: number }) {
  const two = panes.value.length === 2;
  return (
    <div class="row nowrap tools">
      {shown?.kind === 'terminal' ? <TerminalTools name={shown.name} /> : null}
      {two && shown !== undefined ? (
        <Button label="Move to the other pane" icon="swap" bare kind="quiet" onClick={() => move(keyOf(shown))} />
      ) : null}
      {shown === undefined ? null : (
        <Button
          label={`Close ${labelOf(shown)}`}
          icon="cross"
          bare
          kind="quiet"
          onClick={() => void closeAsking(shown)}
        />
      )}
      {index === 0 ? (
        <Button
          label={two ? 'One pane' : 'Split'}
          icon={two ? 'join' : 'split'}
          bare
          kind="quiet"
          onClick={two ? join : split}
        />
      ) : null}
    </div>
  );
}

function TerminalTools({ name }: { name: string }) {
  const session = terminalSession(name);
  const resize = (by: number) => {
    terminalSize.value = Math.min(24, Math.max(10, terminalSize.value + by));
  };
  return (
    <>
      <Button label="Smaller type" icon="smaller" bare kind="quiet" onClick={() => resize(-1)} />
      <Button label="Larger type" icon="larger" bare kind="quiet" onClick={() => resize(1)} />
      <Button
        label="Search in the terminal"
        icon="search"
        bare
        kind="quiet"
        onClick={() => {
          session.searching.value = !session.searching.value;
        }}
      />
    </>
  );
}

/** Closes a tab; asks first where something would be lost. */
async function closeAsking(tab: Tab): Promise<void> {
  const state = tab.kind === 'terminal' ? learner.peek()?.terminals.find(one => one.name === tab.name) : undefined;
  const running = state !== undefined && !state.atPrompt && state.exitStatus === null;
  const dirty = tab.kind === 'file' && unsaved.peek().has(tab.path);
  const what = labelOf(tab);
  if (
    running &&
    !(await confirm(
      `Close "${what}"?`,
      'A program is running there; it is ended with the terminal.',
      'End it and close',
    ))
  )
    return;
  if (dirty && !(await confirm(`Close "${what}"?`, 'Your changes to this file are not saved.', 'Close without saving')))
    return;
  await close(keyOf(tab));
}

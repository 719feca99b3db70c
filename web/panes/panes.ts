import { signal } from '@preact/signals';
import { endTerminal } from '../terminal/registry.ts';
import {
  addTabs,
  allTabs,
  closeTab,
  emptyPanes,
  hasTab,
  joinPanes,
  keyOf,
  moveTab,
  type Panes,
  showTab,
  splitOff,
  type Tab,
  turnTo,
} from './panes-state.ts';
import { closeFile } from './unsaved.ts';

/** The panes beside the lesson. */
export const panes = signal<Panes>(emptyPanes);
/** Counts up when a tab is asked for, so that a narrow page turns to the panes. */
export const panesWanted = signal(0);

const terminalTab = (name: string): Tab => ({ kind: 'terminal', name });
const fileTab = (path: string): Tab => ({ kind: 'file', path });

/** Has tabs for a lesson's terminals and files, and shows one of them. */
export function openFor(terminals: string[], files: string[]): void {
  panes.value = turnTo(panes.value, [...terminals.map(terminalTab), ...files.map(fileTab)]);
}

/** Has tabs for terminals that are there already. */
export function offer(terminals: string[]): void {
  panes.value = addTabs(panes.value, terminals.map(terminalTab));
}

export function show(key: string): void {
  panes.value = showTab(panes.value, key);
}

/** Shows a terminal, with a new tab if it has none. */
export function showTerminal(name: string): void {
  panes.value = showTab(addTabs(panes.value, [terminalTab(name)]), keyOf(terminalTab(name)));
  panesWanted.value += 1;
}

/** The line that a file is wanted at, until its editor went there. */
export const lineWanted = signal<{ path: string; line: number } | null>(null);

/** Opens a file in the editor, at a line where one is named. */
export function showFile(path: string, line?: number): void {
  if (line !== undefined) lineWanted.value = { path, line };
  panes.value = showTab(addTabs(panes.value, [fileTab(path)]), keyOf(fileTab(path)));
  panesWanted.value += 1;
}

/** A name that no terminal has yet. */
function freshName(): string {
  for (let number = 2; ; number += 1)
    if (!hasTab(panes.value, keyOf(terminalTab(`shell-${number}`)))) return `shell-${number}`;
}

export function newTerminal(pane: number): string {
  const name = freshName();
  const tab = terminalTab(name);
  panes.value = panes.value.map((one, index) =>
    index === pane ? { tabs: [...one.tabs, tab], shown: keyOf(tab) } : one,
  ) as Panes;
  return name;
}

/** Two panes, one above the other: the next tab moves below, or a new terminal where there is only one. */
export function split(): void {
  const [first] = panes.value;
  const other = first.tabs.find(tab => keyOf(tab) !== first.shown && tab.kind === 'terminal');
  panes.value = splitOff(panes.value, other ?? terminalTab(freshName()));
}

export function join(): void {
  panes.value = joinPanes(panes.value);
}

export function move(key: string): void {
  panes.value = moveTab(panes.value, key);
}

/** Closes a tab; a terminal's shell ends with it. */
export async function close(key: string): Promise<void> {
  const tab = allTabs(panes.value).find(one => keyOf(one) === key);
  panes.value = closeTab(panes.value, key);
  if (tab?.kind === 'terminal') await endTerminal(tab.name);
  if (tab?.kind === 'file') closeFile(tab.path);
}

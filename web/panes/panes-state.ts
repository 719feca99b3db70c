/** A tab shows a terminal or a file. */
export type Tab = { kind: 'terminal'; name: string } | { kind: 'file'; path: string };
export interface Pane {
  tabs: Tab[];
  /** Key of the tab that is shown. */
  shown: string | null;
}
/** One pane, or two when split. */
export type Panes = [Pane] | [Pane, Pane];

export const keyOf = (tab: Tab): string => (tab.kind === 'terminal' ? `terminal:${tab.name}` : `file:${tab.path}`);
export const labelOf = (tab: Tab): string => (tab.kind === 'terminal' ? tab.name : (tab.path.split('/').at(-1) ?? ''));

export const emptyPanes: Panes = [{ tabs: [], shown: null }];

/** All tabs, over both panes. */
export const allTabs = (panes: Panes): Tab[] => panes.flatMap(pane => pane.tabs);
export const hasTab = (panes: Panes, key: string): boolean => allTabs(panes).some(tab => keyOf(tab) === key);

/** Adds tabs that are not there yet; the first pane shows its first if it showed none. */
export function addTabs(panes: Panes, tabs: Tab[]): Panes {
  const fresh = tabs.filter((tab, index) => isFirst(tabs, index) && !hasTab(panes, keyOf(tab)));
  const [first, ...rest] = panes;
  return [settle({ ...first, tabs: [...first.tabs, ...fresh] }), ...rest] as Panes;
}

const isFirst = (tabs: Tab[], index: number): boolean =>
  tabs.findIndex(tab => keyOf(tab) === keyOf(tabs[index] as Tab)) === index;

/** Shows a tab in the pane where it is. */
export function showTab(panes: Panes, key: string): Panes {
  return panes.map(pane => (pane.tabs.some(tab => keyOf(tab) === key) ? { ...pane, shown: key } : pane)) as Panes;
}

/** Adds the tabs of a lesson; unless one of them is in view, the first comes to the front. */
export function turnTo(panes: Panes, tabs: Tab[]): Panes {
  const wider = addTabs(panes, tabs);
  const inView = wider.some(pane => tabs.some(tab => keyOf(tab) === pane.shown));
  return inView || tabs[0] === undefined ? wider : showTab(wider, keyOf(tabs[0]));
}

/** Takes a tab away; a pane that has none left is gone, unless it is the only one. */
export function closeTab(panes: Panes, key: string): Panes {
  return compact(panes.map(pane => without(pane, key)));
}

/** Splits: the tab moves to a second pane below. */
export function splitOff(panes: Panes, tab: Tab): Panes {
  const [first] = joinPanes(panes);
  return [without(first, keyOf(tab)), { tabs: [tab], shown: keyOf(tab) }];
}

/** Moves a tab to the other pane. */
export function moveTab(panes: Panes, key: string): Panes {
  const tab = allTabs(panes).find(one => keyOf(one) === key);
  if (tab === undefined || panes.length === 1) return panes;
  return compact(
    panes.map(pane => (pane.tabs.includes(tab) ? without(pane, key) : { tabs: [...pane.tabs, tab], shown: key })),
  );
}

/** One pane again, with all tabs. */
export function joinPanes(panes: Panes): [Pane] {
  return [settle({ tabs: allTabs(panes), shown: panes[0].shown })];
}

function without(pane: Pane, key: string): Pane {
  const index = pane.tabs.findIndex(tab => keyOf(tab) === key);
  if (index < 0) return pane;
  const tabs = pane.tabs.toSpliced(index, 1);
  const next = tabs[Math.min(index, tabs.length - 1)];
  return { tabs, shown: pane.shown === key ? (next === undefined ? null : keyOf(next)) : pane.shown };
}

function settle(pane: Pane): Pane {
  const first = pane.tabs[0];
  const shown = pane.tabs.some(tab => keyOf(tab) === pane.shown)
    ? pane.shown
    : first === undefined
      ? null
      : keyOf(first);
  return { ...pane, shown };
}

function compact(panes: Pane[]): Panes {
  const kept = panes.filter(pane => pane.tabs.length > 0);
  return (kept.length === 0 ? emptyPanes : kept) as Panes;
}

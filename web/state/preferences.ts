import { effect, type Signal, signal } from '@preact/signals';

const prefix = 'unicorn:';

/** A signal that this browser remembers. Only for how things look: progress lives on the server. */
function remembered<T>(name: string, initial: T, valid: (value: unknown) => value is T): Signal<T> {
  const value = signal(read(name, initial, valid));
  effect(() => write(name, value.value));
  return value;
}

function read<T>(name: string, initial: T, valid: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(prefix + name) ?? 'null');
    return valid(value) ? value : initial;
  } catch {
    return initial;
  }
}

function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(prefix + name, JSON.stringify(value));
  } catch {
    // A browser that stores nothing (private mode, full) still works: it forgets.
  }
}

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const within =
  (low: number, high: number) =>
  (value: unknown): value is number =>
    typeof value === 'number' && value >= low && value <= high;

export type Theme = 'system' | 'light' | 'dark';
const isTheme = (value: unknown): value is Theme => value === 'system' || value === 'light' || value === 'dark';

export const theme = remembered<Theme>('theme', 'system', isTheme);
export const lessonShareAtFirst = 40;
/** The lesson's share of the width, in per cent. */
export const lessonShare = remembered('lesson-share', lessonShareAtFirst, within(20, 70));
export const terminalSize = remembered('terminal-size', 14, within(10, 24));
export const pictureOpen = remembered('picture-open', true, isBoolean);
export const outlineOpen = remembered('outline-open', false, isBoolean);
export const readerMode = remembered('reader-mode', false, isBoolean);
export const welcomed = remembered('welcomed', false, isBoolean);

/** Puts the chosen theme on the page. */
export function applyTheme(): void {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}

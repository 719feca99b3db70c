import { signal } from '@preact/signals';

/** Paths of the files that were changed in the editor and not saved. */
export const unsaved = signal<ReadonlySet<string>>(new Set());

export function setUnsaved(path: string, changed: boolean): void {
  if (unsaved.peek().has(path) === changed) return;
  const next = new Set(unsaved.peek());
  if (changed) next.add(path);
  else next.delete(path);
  unsaved.value = next;
}

/** Told when a file's tab was closed: what was not saved is given up. */
export const fileClosed = new Set<(path: string) => void>();

export function closeFile(path: string): void {
  setUnsaved(path, false);
  for (const listener of fileClosed) listener(path);
}

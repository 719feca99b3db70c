import { type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs';
import { join, relative } from 'node:path';

const mostFolders = 64;
const deepest = 4;
/** Written by shells and tools on their own; no check reads them. */
const dull = /^(\.bash_history|\.cache|\.npm|\.lesshst|\.viminfo|.*\.sw[opx]|.*~)$/;

/** Tells which files below a folder changed. Watches a bounded number of folders, not files; links are not followed. */
export class HomeWatch {
  readonly #root: string;
  readonly #changed: (path: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();

  /** @param changed gets paths relative to `root` */
  constructor(root: string, changed: (path: string) => void) {
    this.#root = root;
    this.#changed = changed;
  }

  start(): void {
    this.#watch(this.#root, 0);
  }

  stop(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string, depth: number): void {
    if (depth > deepest || this.#watchers.size >= mostFolders || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(
        folder,
        { persistent: false },
        (_, name) => name !== null && this.#happened(folder, name, depth),
      );
      watcher.on('error', () => this.#forget(folder));
      this.#watchers.set(folder, watcher);
      for (const entry of readdirSync(folder, { withFileTypes: true }).slice(0, 10 * mostFolders))
        if (entry.isDirectory() && !dull.test(entry.name)) this.#watch(join(folder, entry.name), depth + 1);
    } catch {
      this.#forget(folder);
    }
  }

  #happened(folder: string, name: string, depth: number): void {
    if (dull.test(name)) return;
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) this.#forget(path);
    else if (stats.isDirectory()) this.#watch(path, depth + 1);
    this.#changed(relative(this.#root, path));
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

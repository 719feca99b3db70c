/** Notices that another file was moved to where one is. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** What is told. */
export interface FileWatchOwner {
  onMoved(): void;
  /** It cannot be watched: the system bounds how much may be. */
  onFailed(error: Error): void;
}

/** A file that is written to in place is the same one: as with Envoy, it has to be moved there, since half of it might be read otherwise. */
export class FileWatch {
  readonly #path: string;
  readonly #watchedFolder: string;
  readonly #owner: FileWatchOwner;
  #watcher: FSWatcher | undefined;
  #inode: number | undefined;

  /** @param watchedFolder a folder in which any move counts, as where a Kubernetes ConfigMap is mounted; '' for none */
  constructor(path: string, watchedFolder: string, owner: FileWatchOwner) {
    this.#path = path;
    this.#watchedFolder = watchedFolder;
    this.#owner = owner;
    this.#inode = inodeOf(path);
  }

  start(): void {
    try {
      this.#watcher = watch(this.#watchedFolder || dirname(this.#path), (event, name) => {
        if (event === 'rename' && (this.#watchedFolder !== '' || name === basename(this.#path))) this.#onMove();
      });
      this.#watcher.on('error', error => this.#owner.onFailed(error as Error));
    } catch (error) {
      this.#owner.onFailed(error as Error);
    }
  }

  stop(): void {
    this.#watcher?.close();
  }

  #onMove(): void {
    const inode = inodeOf(this.#path);
    if (inode === undefined || (inode === this.#inode && this.#watchedFolder === '')) return;
    this.#inode = inode;
    this.#owner.onMoved();
  }
}

/** Which file is there; undefined: none. */
export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** The folder that people edit: a file for each kind. */
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../../proxy/configuration/errors.ts';
import { type Kind, kinds } from './kinds.ts';
import { type Resource, readResources } from './resources.ts';

/** What was read: the resources of each kind, or why they cannot be read. */
export interface Reading {
  resources: Map<Kind, Resource[]>;
  mistakes: Map<Kind, string>;
}

/** An editor writes in several steps; what is read after so many milliseconds without one is whole. */
const quietMs = 150;

export class Folder {
  readonly #path: string;
  readonly #texts = new Map<Kind, string>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads the files that changed since the last time; a file that is not there is empty. */
  read(): Reading {
    const reading: Reading = { resources: new Map(), mistakes: new Map() };
    for (const kind of kinds) {
      const text = textOf(join(this.#path, kind.file));
      if (this.#texts.get(kind) === text) continue;
      this.#texts.set(kind, text);
      try {
        reading.resources.set(kind, readResources(kind, text));
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        reading.mistakes.set(kind, error.message);
      }
    }
    return reading;
  }

  /**
   * Calls back whenever files may have changed.
   * @param onFailed hears of a folder that cannot be watched any more
   */
  watch(onChange: () => void, onFailed: (error: Error) => void): void {
    this.#watcher = watch(this.#path, () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(onChange, quietMs);
    });
    this.#watcher.on('error', error => onFailed(error as Error));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

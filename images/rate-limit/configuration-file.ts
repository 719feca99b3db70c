/** A configuration in a file, which is read again when the file changes. */
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Configuration, ConfigurationError, readConfiguration } from './configuration.ts';

/** Writers that need more than one step are through by then, in milliseconds. */
const settlingMs = 50;

export interface ConfigurationOwner {
  onChanged(configuration: Configuration): void;
  /** What is there now cannot be used: the one before stays. */
  onRefused(error: ConfigurationError): void;
}

export class ConfigurationFile {
  readonly #path: string;
  #text = '';
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws ConfigurationError */
  read(): Configuration {
    this.#text = readText(this.#path);
    return readConfiguration(this.#text, this.#path);
  }

  /** Tells of each change from now on. */
  watch(owner: ConfigurationOwner): void {
    // The folder, since editors often move a new file to where the old one was.
    const cannot = (error: unknown): void => owner.onRefused(new ConfigurationError(cannotWatch(this.#path, error)));
    try {
      this.#watcher = watch(dirname(this.#path), (_, name) => {
        if (name !== basename(this.#path)) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#readAgain(owner), settlingMs);
      });
      this.#watcher.on('error', cannot);
    } catch (error) {
      // The system bounds how much may be watched.
      cannot(error);
    }
    // What changed while it was not watched.
    this.#readAgain(owner);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #readAgain(owner: ConfigurationOwner): void {
    try {
      const before = this.#text;
      this.#text = readText(this.#path);
      if (this.#text !== before) owner.onChanged(readConfiguration(this.#text, this.#path));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      owner.onRefused(error);
    }
  }
}

const cannotWatch = (path: string, error: unknown): string =>
  `${path}: changes are not noticed (${(error as Error).message}); restart it after one`;

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(code === 'ENOENT' ? `${path}: there is no such file` : `${path}: ${message}`);
  }
}

import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { type Signal, signal } from '@preact/signals';
import type { FileContent } from '../../server/api.ts';
import { asFailure, get, put, type RequestFailure } from '../api/request.ts';
import { fileClosed, setUnsaved } from '../panes/unsaved.ts';
import { onFiles } from '../state/learner.ts';
import { extensions } from './setup.ts';

export type DocumentState =
  | { phase: 'loading' }
  | { phase: 'ready' }
  | { phase: 'saving' }
  /** The file on disk is not the one that was read. */
  | { phase: 'conflict' }
  | { phase: 'failed'; failure: RequestFailure; doing: 'load' | 'save' };

/** A file in the editor: what was read, what was changed since, and how it stands with the one on disk. Lives on while its tab is hidden. */
export class FileDocument {
  readonly path: string;
  readonly view: EditorView;
  readonly state: Signal<DocumentState> = signal({ phase: 'loading' });
  readonly isNew = signal(false);
  readonly changed = signal(false);
  #saved = '';
  #modifiedMs: number | null = null;

  constructor(path: string) {
    this.path = path;
    const config = extensions(
      `${path}. Control S saves. Escape, then Tab, leaves.`,
      () => void this.save(),
      () => this.#mark(),
    );
    this.view = new EditorView({ state: EditorState.create({ extensions: config }) });
    void this.load();
  }

  /** Reads the file, and takes what is there for what is in the editor. */
  async load(): Promise<void> {
    const before = this.view.state.doc;
    this.state.value = { phase: 'loading' };
    try {
      const file = await get<FileContent>(this.#address());
      this.isNew.value = false;
      if (this.view.state.doc.eq(before)) this.#take(file.content, file.modifiedMs);
      // Somebody typed meanwhile: that is not thrown away unasked.
      else this.state.value = { phase: 'conflict' };
    } catch (cause) {
      this.#loadFailed(asFailure(cause));
    }
  }

  /** Writes the file. With `over`, whatever is on the disk. */
  async save(over = false): Promise<void> {
    if (this.state.peek().phase === 'saving') return;
    const content = this.view.state.doc.toString();
    this.state.value = { phase: 'saving' };
    try {
      const file = await put<FileContent>(this.#address(), { content, modifiedMs: over ? null : this.#modifiedMs });
      this.#modifiedMs = file.modifiedMs;
      this.#saved = content;
      this.isNew.value = false;
      this.state.value = { phase: 'ready' };
      this.#mark();
    } catch (cause) {
      this.#saveFailed(asFailure(cause));
    }
  }

  /** The file changed on the disk: taken over where nothing would be lost by that. */
  async changedOnDisk(): Promise<void> {
    const { phase } = this.state.peek();
    if (phase === 'saving' || phase === 'loading') return;
    if (!this.changed.peek()) return this.load();
    try {
      const file = await get<FileContent>(this.#address());
      if (file.modifiedMs !== this.#modifiedMs && file.content !== this.#saved)
        this.state.value = { phase: 'conflict' };
    } catch (cause) {
      this.#saveFailed(asFailure(cause));
    }
  }

  /** Puts the cursor, and the keyboard, at a line, counted from 1; at the last one where there are fewer. */
  goTo(line: number): void {
    const { doc } = this.view.state;
    const { from } = doc.line(Math.max(1, Math.min(line, doc.lines)));
    const effects = EditorView.scrollIntoView(from, { y: 'center' });
    this.view.dispatch({ selection: { anchor: from }, effects });
    this.view.focus();
  }

  #address(): string {
    return `/api/files?path=${encodeURIComponent(this.path)}`;
  }

  #take(content: string, modifiedMs: number | null): void {
    this.#saved = content;
    this.#modifiedMs = modifiedMs;
    const { doc } = this.view.state;
    if (doc.toString() !== content) this.view.dispatch({ changes: { from: 0, to: doc.length, insert: content } });
    this.state.value = { phase: 'ready' };
    this.#mark();
  }

  #loadFailed(failure: RequestFailure): void {
    if (failure.status !== 404) {
      this.state.value = { phase: 'failed', failure, doing: 'load' };
      return;
    }
    this.isNew.value = true;
    this.#take('', null);
  }

  #saveFailed(failure: RequestFailure): void {
    this.state.value = failure.code === 'changed' ? { phase: 'conflict' } : { phase: 'failed', failure, doing: 'save' };
  }

  #mark(): void {
    this.changed.value = this.view.state.doc.toString() !== this.#saved;
    setUnsaved(this.path, this.changed.value);
  }
}

const documents = new Map<string, FileDocument>();
fileClosed.add(path => {
  documents.get(path)?.view.destroy();
  documents.delete(path);
});
// Those whose tabs are hidden too: a command of a lesson may change what was looked at before.
onFiles(paths => {
  for (const [path, file] of documents)
    if (paths.some(changed => changed === path || changed.endsWith(`/${path}`))) void file.changedOnDisk();
});

/** The document of that path; read when it is first asked for. */
export function documentOf(path: string): FileDocument {
  const known = documents.get(path);
  if (known !== undefined) return known;
  const made = new FileDocument(path);
  documents.set(path, made);
  return made;
}

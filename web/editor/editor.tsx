import { useEffect, useRef } from 'preact/hooks';
import { lineWanted } from '../panes/panes.ts';
import { Button } from '../parts/button.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { documentOf, type FileDocument } from './document.ts';

/** The editor of one file. */
export function Editor({ path }: { path: string }) {
  const place = useRef<HTMLDivElement>(null);
  const file = documentOf(path);
  useEffect(() => {
    place.current?.append(file.view.dom);
  }, [file]);
  const wanted = lineWanted.value;
  const { phase } = file.state.value;
  useEffect(() => {
    if (wanted?.path !== path || phase === 'loading') return;
    lineWanted.value = null;
    file.goTo(wanted.line);
  }, [wanted, phase]);
  return (
    <section class="editor" aria-label={`File ${path}`} data-file={path} data-state={file.state.value.phase}>
      <Bar file={file} />
      <Trouble file={file} />
      <div ref={place} class="editor-place" />
    </section>
  );
}

function Bar({ file }: { file: FileDocument }) {
  const { phase } = file.state.value;
  const words =
    phase === 'loading'
      ? 'loading …'
      : phase === 'saving'
        ? 'saving …'
        : file.changed.value
          ? 'not saved'
          : file.isNew.value
            ? 'new file'
            : 'saved';
  return (
    <div class="editor-bar row small">
      <code class="grow">~/{file.path}</code>
      <span class="quiet-text" role="status">
        {words}
      </span>
      <Button
        label="Save"
        icon="save"
        title="Save (Ctrl-S)"
        disabled={!file.changed.value && !file.isNew.value}
        onClick={() => void file.save()}
      />
    </div>
  );
}

function Trouble({ file }: { file: FileDocument }) {
  const state = file.state.value;
  if (state.phase === 'failed') {
    return (
      <FailureProblem failure={state.failure} retry={() => void (state.doing === 'load' ? file.load() : file.save())} />
    );
  }
  if (state.phase !== 'conflict') return null;
  return (
    <div class="problem" role="alert">
      <p>
        <b>{file.path} changed on the disk since you opened it.</b> What you typed is not saved yet.
      </p>
      <div class="row">
        <Button label="Keep mine" onClick={() => void file.save(true)} />
        <Button label="Take the file from the disk" onClick={() => void file.load()} />
      </div>
    </div>
  );
}

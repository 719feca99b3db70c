import { useEffect, useRef } from 'preact/hooks';
import type { LessonPage } from '../../server/api.ts';
import { post } from '../api/request.ts';
import { showFile } from '../panes/panes.ts';
import { Button } from '../parts/button.tsx';
import { confirm } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { act, justPassed, learner, lessons } from '../state/learner.ts';
import { isRunning } from '../state/learner-events.ts';
import { lesson, lessonFailure, openLesson, titleOf } from '../state/lessons.ts';
import { navigate, pathOf, route } from '../state/route.ts';
import { Action } from './action.tsx';
import { Command } from './command.tsx';
import { Exercise } from './exercise.tsx';
import { Html, type Replace } from './html.tsx';
import { Welcome } from './welcome.tsx';

/** The text of the lesson that is open, with its exercises, and the way on. */
export function Lesson() {
  const page = lesson.value;
  const failure = lessonFailure.value;
  const article = useRef<HTMLElement>(null);
  useEffect(() => {
    article.current?.parentElement?.scrollTo(0, 0);
    // The joy is for the moment: it does not come again with the lesson.
    return () => {
      justPassed.value = null;
    };
  }, [page?.id]);
  if (failure !== null && route.value.view === 'lesson') {
    const id = route.value.lesson;
    return <FailureProblem failure={failure} retry={() => void openLesson(id)} />;
  }
  if (page === null) return <p class="loading quiet-text small">Loading the lesson …</p>;
  return (
    <article ref={article} class="lesson" data-lesson={page.id}>
      <Welcome />
      <Head page={page} />
      <Action exercise={null} />
      <div class="prose">
        <Html html={page.html} replace={replacer(page)} />
      </div>
      <Ways page={page} />
    </article>
  );
}

/** Commands and exercises stand in the text as marked elements: here they become what they are. */
function replacer(page: LessonPage): Replace {
  const replace: Replace = (element, key) => {
    // The page's head says the title already.
    if (element.localName === 'h1') return null;
    const command = element.getAttribute('data-run');
    if (command !== null) {
      const terminal = element.getAttribute('data-terminal') ?? page.terminals[0] ?? 'learner';
      return <Command key={`${key}:${command}`} command={command} terminal={terminal} />;
    }
    if (element.localName === 'code' && page.files.includes(element.textContent))
      return <FileName key={key} path={element.textContent} />;
    const id = element.getAttribute('data-exercise');
    if (id === null) return undefined;
    const exercise = page.exercises.find(one => one.id === id);
    return exercise === undefined ? null : <Exercise key={id} page={exercise} replace={replace} />;
  };
  return replace;
}

/** A file that the text speaks of: a click opens it. */
function FileName({ path }: { path: string }) {
  return (
    <button type="button" class="text-button" title="Open it in the editor" onClick={() => showFile(path)}>
      <code>{path}</code>
    </button>
  );
}

function Head({ page }: { page: LessonPage }) {
  const ready = learner.value?.sandbox.phase === 'ready' && !isRunning(learner.value.action);
  return (
    <header class="lesson-head">
      <h1>{titleOf(page)}</h1>
      <div class="row small">
        <span class="quiet-text">{page.minutes} min</span>
        {page.slide === null ? null : (
          <a
            class="button quiet"
            href={pathOf({ view: 'slides', slide: page.slide })}
            onClick={event => {
              event.preventDefault();
              navigate({ view: 'slides', slide: page.slide });
            }}
          >
            <Icon name="slides" />
            its slide
          </a>
        )}
        <Button
          label="catch me up to here"
          icon="forward"
          kind="quiet"
          disabled={!ready}
          title={ready ? 'Brings your sandbox to where this lesson starts' : 'Your sandbox is not ready yet'}
          onClick={() => void catchUp(page)}
        />
      </div>
    </header>
  );
}

async function catchUp(page: LessonPage): Promise<void> {
  const text =
    'Your programs are ended and the sandbox is brought to where this lesson starts, with the earlier lessons done. Files of yours that differ are kept in ~/kept. Your progress stays.';
  if (await confirm(`Catch up to "${titleOf(page)}"?`, text, 'Catch me up'))
    await act(() => post(`/api/lessons/${encodeURIComponent(page.id)}/catch-up`));
}

function Ways({ page }: { page: LessonPage }) {
  return (
    <nav class="ways" aria-label="Previous and next lesson">
      <Way id={page.previous} kind="previous" />
      <Way id={page.next} kind="next" />
    </nav>
  );
}

function Way({ id, kind }: { id: string | null; kind: 'previous' | 'next' }) {
  const to = lessons.value.find(one => one.id === id);
  if (to === undefined) return <span />;
  return (
    <a
      class={`way ${kind}`}
      rel={kind === 'next' ? 'next' : 'prev'}
      href={pathOf({ view: 'lesson', lesson: to.id })}
      onClick={event => {
        event.preventDefault();
        navigate({ view: 'lesson', lesson: to.id });
      }}
    >
      <span class="small quiet-text">{kind === 'next' ? 'Next' : 'Previous'}</span>
      <span>{titleOf(to)}</span>
    </a>
  );
}

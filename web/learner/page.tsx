import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Lesson } from '../lesson/lesson.tsx';
import { PanesView } from '../panes/pane.tsx';
import { offer, openFor, panesWanted } from '../panes/panes.ts';
import { Confirmations } from '../parts/dialog.tsx';
import { lazily } from '../parts/lazily.tsx';
import { Loading } from '../parts/loading.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { Picture } from '../picture/picture.tsx';
import { connection, justPassed, learner, loadFailure, openSession, workshop } from '../state/learner.ts';
import { lesson, openLesson, resumeAt, titleOf } from '../state/lessons.ts';
import { lessonShare, lessonShareAtFirst } from '../state/preferences.ts';
import { navigate, route } from '../state/route.ts';
import { retryTerminals } from '../terminal/registry.ts';
import { Bars } from './bars.tsx';
import { Divider } from './divider.tsx';
import { Help } from './help.tsx';
import { Outline } from './outline.tsx';
import { StartUp } from './start-up.tsx';
import { TopBar } from './top-bar.tsx';

const Slides = lazily(() => import('../slides/slides.tsx').then(module => module.Slides), 'the slides');

/** Which half a narrow page shows. */
const half = signal<'lesson' | 'panes'>('lesson');

/** The learner's page: lesson beside terminals, slides over both. */
export function LearnerPage() {
  useEffect(() => void openSession(), []);
  useLesson();
  useTitle();
  useEffect(() => {
    if (connection.value.phase === 'open') retryTerminals();
  }, [connection.value.phase]);
  useEffect(() => {
    if (panesWanted.value > 0) half.value = 'panes';
  }, [panesWanted.value]);
  if (loadFailure.value !== null) return <Failed />;
  if (workshop.value === null || learner.value === null) return <StillLoading />;
  const slides = route.value.view === 'slides';
  return (
    <div class="learner-page">
      <a class="skip" href="#lesson">
        To the lesson
      </a>
      <TopBar />
      <Bars />
      <div class="middle">
        <Outline />
        {slides ? <Slides /> : null}
        <Workspace hidden={slides} />
      </div>
      <Help />
      <Confirmations />
      <Announcer />
    </div>
  );
}

function Workspace({ hidden }: { hidden: boolean }) {
  const lessonPane = useRef<HTMLElement>(null);
  const sandbox = learner.value?.sandbox ?? { phase: 'none' };
  const leaving = (direction: 'on' | 'back') => focusBeyond(direction, lessonPane.current);
  return (
    <main
      class="workspace"
      data-half={half.value}
      inert={hidden}
      style={{ '--lesson-share': lessonWidth(lessonShare.value) }}
    >
      <Halves />
      <section ref={lessonPane} id="lesson" class="lesson-pane" aria-label="Lesson" tabIndex={-1}>
        <Lesson />
      </section>
      <Divider />
      <section class="work-pane" aria-label="Terminals and files">
        {sandbox.phase === 'ready' || sandbox.phase === 'reconnecting' ? (
          <PanesView leaving={leaving} />
        ) : (
          <StartUp sandbox={sandbox} />
        )}
        <Picture />
      </section>
    </main>
  );
}

/** The lesson's width: as the divider was left, or as wide as leaves the terminal its 80 columns. */
function lessonWidth(share: number): string {
  if (share !== lessonShareAtFirst) return `${share}%`;
  return `max(var(--lesson-least), min(${share}%, 100% - var(--terminal-least)))`;
}

/** Out of a terminal: on to the picture below, or back to the lesson. */
function focusBeyond(direction: 'on' | 'back', lessonPane: HTMLElement | null): void {
  const picture = document.querySelector<HTMLElement>('.picture-pane button');
  if (direction === 'on' && picture !== null) picture.focus();
  else {
    half.value = 'lesson';
    requestAnimationFrame(() => lessonPane?.focus());
  }
}

function Halves() {
  return (
    <fieldset class="halves" aria-label="What is shown">
      {(['lesson', 'panes'] as const).map(one => (
        <button
          key={one}
          type="button"
          class="half"
          aria-pressed={half.value === one}
          onClick={() => {
            half.value = one;
          }}
        >
          {one === 'lesson' ? 'Lesson' : 'Terminals'}
        </button>
      ))}
    </fieldset>
  );
}

/** Opens the lesson that the address names, or where the learner was. */
function useLesson(): void {
  const to = route.value;
  const start = to.view === 'lesson' ? null : resumeAt.value;
  const id = to.view === 'lesson' ? to.lesson : null;
  const there = learner.value !== null && workshop.value !== null;
  useEffect(() => {
    if (there && to.view === 'start' && start !== null) navigate({ view: 'lesson', lesson: start }, true);
  }, [there, to.view, start]);
  useEffect(() => {
    if (there && id !== null) void openLesson(id);
  }, [there, id]);
  // The instructor may have caught this learner up to another lesson: that is where to go on.
  const action = learner.value?.action ?? null;
  const caughtUpTo = action?.kind === 'catch-up' ? action.lesson : null;
  useEffect(() => {
    if (there && caughtUpTo !== null && caughtUpTo !== id) navigate({ view: 'lesson', lesson: caughtUpTo });
  }, [there, caughtUpTo]);
  const page = lesson.value;
  const terminals = learner.value?.terminals;
  useEffect(() => {
    if (page !== null) openFor(page.terminals, page.files);
  }, [page?.id]);
  useEffect(() => {
    if (page !== null) offer((terminals ?? []).map(one => one.name));
  }, [page?.id, terminals?.length]);
}

function useTitle(): void {
  const page = lesson.value;
  useEffect(() => {
    document.title = page === null ? 'Unicorn' : `${titleOf(page)} · Unicorn`;
  }, [page]);
}

function StillLoading() {
  const lost = connection.value.phase === 'waiting';
  return (
    <Loading
      title="Opening your workshop"
      steps={[
        { title: 'Read the lessons', done: workshop.value !== null },
        {
          title: lost ? 'Connect to the server: it does not answer yet' : 'Fetch your progress',
          done: learner.value !== null,
        },
      ]}
    />
  );
}

function Failed() {
  const failure = loadFailure.value;
  if (failure === null) return null;
  return (
    <main class="centred">
      <h1>The workshop did not load</h1>
      <FailureProblem failure={failure} retry={() => void openSession()} />
    </main>
  );
}

/** Says to readers of the screen what is otherwise seen. */
function Announcer() {
  const id = justPassed.value;
  const title = lesson.value?.exercises.find(one => one.id === id)?.title;
  return (
    <p class="hidden-text" role="status">
      {title === undefined ? '' : `Passed: ${title}`}
    </p>
  );
}

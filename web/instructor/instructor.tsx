import '../styles/instructor.css';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ThemeButton } from '../learner/theme-button.tsx';
import { Button } from '../parts/button.tsx';
import { NextTry } from '../parts/countdown.tsx';
import { Confirmations } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { Loading } from '../parts/loading.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { dismissNotice, notices } from '../state/learner.ts';
import { ClassDialog, ClassTimes, classDialogOpen, SandboxTrouble } from './class-dialog.tsx';
import { JoinPoster, posterOpen } from './join-poster.tsx';
import { LearnersMap } from './learners-map.tsx';
import { MessageToAll } from './message.tsx';
import { SignIn } from './sign-in.tsx';
import { SlideControl } from './slide-control.tsx';
import {
  classConnection,
  classState,
  enter,
  instructor,
  outline,
  reconnectClass,
  rows,
  signInFailure,
} from './state.ts';

/** The secret of the address was used once. */
const taken = signal(false);

/** The instructor's page: the class as it is, and what can be done for it. */
export function Instructor({ secret, refused }: { secret: string; refused: string | null }) {
  useEffect(() => {
    document.title = 'Instructor · Unicorn';
    if (!taken.peek()) void enter(secret);
    taken.value = true;
  }, []);
  const me = instructor.value;
  if (me === null && signInFailure.value === null)
    return <Loading title="Unicorn" steps={[{ title: 'Ask who you are', done: false }]} />;
  if (me?.role !== 'instructor') return <SignIn organisation={me?.organisation ?? null} refused={refused} />;
  if (signInFailure.value !== null) {
    return (
      <main class="centred">
        <FailureProblem failure={signInFailure.value} retry={() => void enter('')} />
      </main>
    );
  }
  if (classState.value === null || outline.value === null) {
    const steps = [
      { title: 'Read the lessons', done: outline.value !== null },
      { title: 'See who is here', done: classState.value !== null },
    ];
    return <Loading title="Opening your class" steps={steps} />;
  }
  return (
    <div class="instructor-page">
      <a class="skip" href="#class">
        To the class
      </a>
      <Top title={outline.value.title} />
      <Notices />
      <main id="class" class="instructor-main" tabIndex={-1}>
        <LearnersMap />
        <div class="controls">
          <SlideControl />
          <MessageToAll />
        </div>
      </main>
      <JoinPoster />
      <ClassDialog />
      <Confirmations />
    </div>
  );
}

function Top({ title }: { title: string }) {
  const all = rows.value;
  const figures = [
    { value: all.length, name: 'joined' },
    { value: all.filter(one => one.online).length, name: 'here now' },
    { value: all.filter(one => one.stuck).length, name: 'stuck' },
  ];
  return (
    <header class="top-bar">
      <h1 class="page-title">{title}</h1>
      <span class="chip">instructor</span>
      <span class="grow" />
      <dl class="figures">
        {figures.map(figure => (
          <div key={figure.name} class={figure.name === 'stuck' && figure.value > 0 ? 'stuck' : ''}>
            <dd>{figure.value}</dd>
            <dt>{figure.name}</dt>
          </div>
        ))}
      </dl>
      <span class="join-code small">
        code <b class="code">{classState.value?.code}</b>
      </span>
      <Button
        label="set up the class"
        icon="clock"
        onClick={() => {
          classDialogOpen.value = true;
        }}
      />
      <Button
        label="show how to join"
        icon="person"
        onClick={() => {
          posterOpen.value = true;
        }}
      />
      <ThemeButton />
    </header>
  );
}

function Notices() {
  const status = classConnection.value;
  return (
    <div class="bars" aria-live="polite">
      {status.phase === 'waiting' ? (
        <p class="bar warning" data-state="reconnecting">
          <Icon name="alert" />
          <span class="grow">
            The server cannot be reached; the map shows what was known. <NextTry atMs={status.retryAtMs} />
          </span>
          <Button label="Try now" onClick={reconnectClass} />
        </p>
      ) : null}
      <SandboxTrouble />
      <ClassTimes />
      {notices.value.map(notice => (
        <p class="bar" key={notice.id}>
          <Icon name="alert" />
          <span class="grow">{notice.text}</span>
          <Button label="Put away" icon="cross" bare kind="quiet" onClick={() => dismissNotice(notice.id)} />
        </p>
      ))}
    </div>
  );
}

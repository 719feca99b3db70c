import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { learner, workshop } from '../state/learner.ts';
import { lesson, lessonDone, titleOf } from '../state/lessons.ts';
import { outlineOpen } from '../state/preferences.ts';
import { navigate, route } from '../state/route.ts';
import { following } from './following.ts';
import { helpOpen } from './help.tsx';
import { ThemeButton } from './theme-button.tsx';

/** Where one is, how far one has come, and the ways to slides and help. */
export function TopBar() {
  const slides = route.value.view === 'slides';
  return (
    <header class="top-bar">
      <Button
        label="Outline"
        icon="list"
        bare
        kind="quiet"
        expanded={outlineOpen.value}
        onClick={() => {
          outlineOpen.value = !outlineOpen.value;
        }}
      />
      <Breadcrumb />
      <span class="grow" />
      <Progress />
      <FollowSlide />
      <Button
        label={slides ? 'back to the lesson' : 'slides'}
        icon={slides ? 'left' : 'slides'}
        kind="quiet"
        onClick={() => (slides ? backToLesson() : navigate({ view: 'slides', slide: lesson.value?.slide ?? null }))}
      />
      <ThemeButton />
      <Button
        label="help"
        icon="help"
        kind="quiet"
        onClick={() => {
          helpOpen.value = true;
        }}
      />
    </header>
  );
}

/** From the slides to the lesson that was open. */
export function backToLesson(): void {
  const open = lesson.peek();
  navigate(open === null ? { view: 'start' } : { view: 'lesson', lesson: open.id });
}

function Breadcrumb() {
  const page = lesson.value;
  return (
    <nav class="breadcrumb" aria-label="Where you are">
      <ol>
        <li class="brand">
          <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M11.5 1.5 7.4 7.2l2.1 1.4z" />
            <path
              d="M3 14c0-4.3 1.7-6.9 5-7.100l2.4 1.700c1 1 1.7 2.2 2.1 3.400l-1.4 1.1-2.5-1c-.8 0-1.2.7-1.4 1.900z"
              class="soft"
            />
          </svg>
          Unicorn
        </li>
        {page === null ? null : (
          <>
            <li>{titleOf(page.module)}</li>
            <li aria-current="page">{titleOf(page)}</li>
          </>
        )}
      </ol>
    </nav>
  );
}

/** One dot for each lesson of the module: done, open, to come. */
function Progress() {
  const page = lesson.value;
  const all = workshop.value?.modules.find(module => module.id === page?.module.id)?.lessons ?? [];
  const counted = all.filter(one => one.exercises.length > 0);
  if (learner.value === null || counted.length === 0) return null;
  const done = counted.filter(lessonDone);
  const words = `${done.length} of ${counted.length} lessons of this module done`;
  return (
    <div class="progress" role="img" aria-label={words} title={words}>
      {counted.map(one => (
        <span key={one.id} class={`${lessonDone(one) ? 'done' : ''} ${one.id === page?.id ? 'here' : ''}`} />
      ))}
    </div>
  );
}

/** Shown while the instructor asks all to follow a slide. */
function FollowSlide() {
  const slide = learner.value?.followSlide ?? null;
  if (slide === null || route.value.view === 'slides') return null;
  return (
    <button
      type="button"
      class="button follow"
      onClick={() => {
        following.value = true;
        navigate({ view: 'slides', slide });
      }}
    >
      <Icon name="person" />
      Your instructor shows a slide: follow
    </button>
  );
}

import type { LessonOutline } from '../../server/api.ts';
import { Icon } from '../parts/icon.tsx';
import { learner, workshop } from '../state/learner.ts';
import { lesson, lessonDone, titleOf } from '../state/lessons.ts';
import { outlineOpen } from '../state/preferences.ts';
import { navigate, pathOf } from '../state/route.ts';

/** All modules and lessons, with what is done. */
export function Outline() {
  if (!outlineOpen.value) return null;
  const close = (event: KeyboardEvent) => {
    if (event.key === 'Escape') outlineOpen.value = false;
  };
  return (
    <nav class="outline" aria-label="Outline" onKeyDown={close}>
      {workshop.value?.modules.map(module => (
        <section key={module.id}>
          <h2 class="row nowrap">
            <span class="grow">{titleOf(module)}</span>
            {module.lessons.length === 0 ? <span class="slides-only">slides</span> : null}
          </h2>
          <ul>
            {module.lessons.map(one => (
              <Entry key={one.id} one={one} />
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function Entry({ one }: { one: LessonOutline }) {
  const here = lesson.value?.id === one.id;
  const state = stateOf(one);
  const go = (event: MouseEvent) => {
    event.preventDefault();
    navigate({ view: 'lesson', lesson: one.id });
  };
  return (
    <li>
      <a
        href={pathOf({ view: 'lesson', lesson: one.id })}
        class={`entry ${state}`}
        aria-current={here ? 'page' : undefined}
        onClick={go}
      >
        <Icon
          name={state === 'done' ? 'check' : state === 'begun' || here ? 'dot' : 'ring'}
          solid={state !== 'done' && (state === 'begun' || here)}
        />
        <span class="grow">
          {titleOf(one)}
          <span class="hidden-text">{{ done: ', done', begun: ', begun', new: '' }[state]}</span>
        </span>
        <span class="small quiet-text">{one.core ? `${one.minutes} min` : 'extra'}</span>
      </a>
    </li>
  );
}

function stateOf(one: LessonOutline): 'done' | 'begun' | 'new' {
  if (lessonDone(one)) return 'done';
  const states = learner.value?.exercises ?? {};
  return one.exercises.some(exercise => states[exercise.id]?.passed === true) ? 'begun' : 'new';
}

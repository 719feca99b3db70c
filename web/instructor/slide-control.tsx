import { useId } from 'preact/hooks';
import { post } from '../api/request.ts';
import { Button } from '../parts/button.tsx';
import { act } from '../state/learner.ts';
import { pathOf } from '../state/route.ts';
import { classState, slides } from './state.ts';

const follow = (slide: string | null) => void act(() => post('/api/instructor/follow-slide', { slide }));

/** The slide that all are asked to follow: choose one, turn pages, or let them go. */
export function SlideControl() {
  const id = useId();
  const now = classState.value?.followSlide ?? null;
  const index = slides.value.findIndex(slide => slide.id === now);
  const slide = slides.value[index];
  const to = (step: number) => {
    const next = slides.value[index + step];
    if (next !== undefined) follow(next.id);
  };
  return (
    <section class="card" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>Slide that all follow</h2>
      <div class="row nowrap">
        <Button label="Previous slide" icon="left" bare disabled={index <= 0} onClick={() => to(-1)} />
        <select
          class="input grow"
          aria-label="Slide"
          value={now ?? ''}
          onChange={event => follow(event.currentTarget.value || null)}
        >
          <option value="">none: everyone at their own pace</option>
          {slides.value.map((one, number) => (
            <option key={one.id} value={one.id}>
              {number + 1}. {one.title}
            </option>
          ))}
        </select>
        <Button
          label="Next slide"
          icon="right"
          bare
          disabled={index === slides.value.length - 1}
          onClick={() => to(1)}
        />
      </div>
      <div class="row small">
        {slide === undefined ? (
          <span class="quiet-text">Learners see an invitation, and go along when they take it.</span>
        ) : (
          <>
            <a href={pathOf({ view: 'slides', slide: slide.id })} target="_blank" rel="noopener">
              open it, to show
            </a>
            <span class="grow" />
            <Button label="Let them go" onClick={() => follow(null)} />
          </>
        )}
      </div>
    </section>
  );
}

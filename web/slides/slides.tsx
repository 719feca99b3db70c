import 'reveal.js/reveal.css';
import '../styles/slides.css';
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import Reveal from 'reveal.js';
import type { SlideDeck } from '../../server/api.ts';
import { asFailure, get, type RequestFailure } from '../api/request.ts';
import { following } from '../learner/following.ts';
import { Html } from '../lesson/html.tsx';
import { Button } from '../parts/button.tsx';
import { FailureProblem } from '../parts/problem.tsx';
import { learner, lessons } from '../state/learner.ts';
import { goToLesson, lesson, titleOf } from '../state/lessons.ts';
import { navigate, route } from '../state/route.ts';
import { Live } from './live.tsx';

type Deck = InstanceType<typeof Reveal>;
type Slide = SlideDeck['slides'][number];

const slides = signal<Slide[] | null>(null);
const failure = signal<RequestFailure | null>(null);
const current = signal<string | null>(null);

async function load(): Promise<void> {
  failure.value = null;
  try {
    slides.value ??= (await get<SlideDeck>('/api/slides')).slides;
  } catch (cause) {
    failure.value = asFailure(cause);
  }
}

/** The slides, over the workspace; they go along with the instructor's when asked to. */
export function Slides() {
  useEffect(() => void load(), []);
  if (failure.value !== null) {
    return (
      <main class="slides centred">
        <FailureProblem failure={failure.value} retry={() => void load()} />
      </main>
    );
  }
  if (slides.value === null) return <p class="slides loading quiet-text small">Loading the slides …</p>;
  if (slides.value.length === 0) return <main class="slides centred quiet-text">This workshop has no slides.</main>;
  return (
    <main class="slides">
      <RevealDeck all={slides.value} />
      <Feet all={slides.value} />
    </main>
  );
}

function RevealDeck({ all }: { all: Slide[] }) {
  const place = useRef<HTMLElement>(null);
  const deck = useRef<Deck | null>(null);
  const wanted = route.value.view === 'slides' ? route.value.slide : null;
  useEffect(() => {
    if (place.current === null) return;
    const made = makeDeck(place.current);
    made.on('slidechanged', () => arrived(all, made.getIndices().h));
    void made.initialize().then(() => {
      deck.current = made;
      made.slide(indexOf(all, peekSlide()));
      arrived(all, made.getIndices().h);
      place.current?.focus();
    });
    return () => {
      deck.current = null;
      made.destroy();
    };
  }, [all]);
  useEffect(() => {
    // an effect runs a frame late: a key pressed meanwhile has moved on, and is not to be taken back
    if (wanted !== null && wanted === peekSlide() && wanted !== current.peek())
      deck.current?.slide(indexOf(all, wanted));
  }, [wanted]);
  const asked = learner.value?.followSlide ?? null;
  useEffect(() => {
    if (following.value && asked !== null && asked !== current.peek()) navigate({ view: 'slides', slide: asked }, true);
  }, [asked, following.value]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys turn the slides
    <section ref={place} class="reveal" tabIndex={0} aria-label="Slides. Arrow keys turn them.">
      <div class="slides">
        {all.map(slide => (
          <section key={slide.id} data-id={slide.id} aria-label={slide.title}>
            <Html html={slide.html} />
          </section>
        ))}
      </div>
    </section>
  );
}

function makeDeck(element: HTMLElement): Deck {
  return new Reveal(element, {
    embedded: true,
    keyboardCondition: turnsSlides,
    hash: false,
    controls: false,
    progress: true,
    slideNumber: false,
    transition: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'none' : 'fade',
    transitionSpeed: 'fast',
    backgroundTransition: 'none',
    width: 1100,
    height: 640,
    margin: 0.06,
    center: false,
    display: 'flex',
    help: false,
    viewDistance: 2,
  });
}

/** Whether a key is for the slides: reveal's own idea of focus waits for a click. On the buttons below, arrows turn as well; Space presses. */
function turnsSlides(event: KeyboardEvent): boolean {
  const at = document.activeElement;
  if (at === null || at === document.body || at.closest('.reveal') !== null) return true;
  return event.key.startsWith('Arrow') && at.closest('.slides-feet') !== null;
}

const peekSlide = (): string | null => {
  const now = route.peek();
  return now.view === 'slides' ? now.slide : null;
};

function indexOf(all: Slide[], id: string | null): number {
  return Math.max(
    0,
    all.findIndex(slide => slide.id === id),
  );
}

/** The address names the slide; turning pages fills no history. */
function arrived(all: Slide[], index: number): void {
  const slide = all[index];
  if (slide === undefined) return;
  current.value = slide.id;
  if (route.peek().view === 'slides' && peekSlide() !== slide.id) navigate({ view: 'slides', slide: slide.id }, true);
}

function Feet({ all }: { all: Slide[] }) {
  const index = indexOf(all, current.value);
  const slide = all[index];
  const to = (step: number) => {
    const next = all[index + step];
    if (next !== undefined) navigate({ view: 'slides', slide: next.id }, true);
  };
  return (
    <footer class="slides-feet row">
      <Button label="Previous slide" icon="left" bare disabled={index === 0} onClick={() => to(-1)} />
      <Button label="Next slide" icon="right" bare disabled={index === all.length - 1} onClick={() => to(1)} />
      <span class="small quiet-text">
        {index + 1} of {all.length}
      </span>
      <span class="small quiet-text keys-turn" aria-hidden="true">
        <kbd>←</kbd> <kbd>→</kbd> turn
      </span>
      <span class="grow" />
      {slide === undefined ? null : <Live slide={slide.id} />}
      <Follow />
      <ToLesson slide={slide} />
    </footer>
  );
}

function Follow() {
  if ((learner.value?.followSlide ?? null) === null) return null;
  return (
    <Button
      label={following.value ? 'Following your instructor' : 'Follow your instructor'}
      icon="person"
      pressed={following.value}
      onClick={() => {
        following.value = !following.value;
      }}
    />
  );
}

function ToLesson({ slide }: { slide: Slide | undefined }) {
  const its = lessons.value.find(one => one.id === slide?.lesson);
  const open = lesson.value;
  if (its !== undefined)
    return <Button label={`Try it: ${titleOf(its)}`} kind="main" icon="play" onClick={() => goToLesson(its.id)} />;
  if (open === null) return null;
  return <Button label={`Back to ${titleOf(open)}`} icon="left" onClick={() => goToLesson(open.id)} />;
}

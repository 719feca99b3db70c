import type { TrafficRequest } from '../../server/api.ts';
import type { Point } from './geometry.ts';
import { isExplained, journey, type Leg } from './journey.ts';

/** From where to where a leg goes on the picture as it is now. */
export type Way = (leg: Leg) => { from: Point; to: Point };

/** More dots than that nobody can follow: the list below has them all. */
const mostDots = 40;
const space = 'http://www.w3.org/2000/svg';

/** Moves a dot along each way of each request, then takes it away. Draws what the proxy reported, nothing else. */
export class Stage {
  readonly #layer: SVGGElement;
  readonly #way: Way;
  readonly #onChosen: (request: TrafficRequest) => void;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');

  /** @param onChosen is told when somebody clicks on one of a request's dots */
  constructor(layer: SVGGElement, way: Way, onChosen: (request: TrafficRequest) => void) {
    this.#layer = layer;
    this.#way = way;
    this.#onChosen = onChosen;
  }

  /** Plays requests, those that came together a little apart. */
  play(requests: TrafficRequest[]): void {
    if (this.#still.matches || document.hidden) return;
    for (const [index, request] of requests.entries())
      for (const leg of journey(request)) this.#move(request, leg, index * 90);
  }

  clear(): void {
    for (const element of [...this.#layer.children]) {
      for (const animation of element.getAnimations()) animation.cancel();
      element.remove();
    }
  }

  /** It stops under the pointer, so that it can be clicked on. By keyboard the list below does the same. */
  #offer(dot: SVGGElement, animation: Animation, request: TrafficRequest): void {
    dot.classList.add('clickable');
    dot.addEventListener('pointerenter', () => animation.pause());
    dot.addEventListener('pointerleave', () => animation.play());
    dot.addEventListener('click', () => {
      animation.play();
      this.#onChosen(request);
    });
  }

  #move(request: TrafficRequest, leg: Leg, delayMs: number): void {
    if (this.#layer.childElementCount >= mostDots) return;
    const { from, to } = this.#way(leg);
    const dot = draw(leg);
    this.#layer.append(dot);
    const path = [
      { transform: `translate(${from.x}px, ${from.y}px)`, opacity: 1 },
      { transform: `translate(${to.x}px, ${to.y}px)`, opacity: 1, offset: leg.mark === '' ? 1 : 0.45 },
      { transform: `translate(${to.x}px, ${to.y}px)`, opacity: leg.mark === '' ? 1 : 0 },
    ];
    const duration = leg.mark === '' ? leg.durationMs : leg.durationMs * 2.2;
    const timing = { delay: leg.startMs + delayMs, duration, easing: 'ease-in-out', fill: 'none' } as const;
    const animation = dot.animate(path, timing);
    if (isExplained(request)) this.#offer(dot, animation, request);
    animation.finished.then(
      () => dot.remove(),
      () => dot.remove(),
    );
  }
}

function draw(leg: Leg): SVGGElement {
  const group = document.createElementNS(space, 'g');
  group.setAttribute('class', leg.failed ? 'traveller failed' : 'traveller');
  const circle = document.createElementNS(space, 'circle');
  circle.setAttribute('r', '5');
  const around = document.createElementNS(space, 'circle');
  around.setAttribute('r', '14');
  around.setAttribute('class', 'around');
  group.append(around, circle);
  if (leg.mark !== '') group.append(label(leg.mark));
  return group;
}

function label(text: string): SVGTextElement {
  const element = document.createElementNS(space, 'text');
  // above the boxes, which are 28 high
  element.setAttribute('y', '-18');
  element.textContent = text;
  return element;
}

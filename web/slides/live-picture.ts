import type { TrafficRequest } from '../../server/api.ts';
import { exampleMoves, type Move, moveMs, parseWay, requestMoves, type Way } from './ways.ts';

const space = 'http://www.w3.org/2000/svg';
const samples = 16;
/** More dots than that nobody can follow. */
const mostDots = 60;
/** Requests that came together start so far apart. */
const apartMs = 120;

/** A slide's picture in which dots go along the arrows: for the learner's requests, and for an example. */
export class LivePicture {
  /** The listener whose requests it draws; `*` for any, '' for none. */
  readonly listener: string;
  readonly #ways: Way[];
  readonly #layer: SVGGElement;
  readonly #picture: SVGSVGElement;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  #turn = 0;

  /** The picture in a slide, if it has arrows that requests take. */
  static in(slide: Element | null): LivePicture | null {
    const picture = slide?.querySelector<SVGSVGElement>('figure svg') ?? null;
    if (picture === null) return null;
    const ways = [...picture.querySelectorAll('path[id]')].flatMap(
      path => parseWay(path.id, path.getAttribute('data-mark')) ?? [],
    );
    return ways.length === 0 ? null : new LivePicture(picture, ways);
  }

  private constructor(picture: SVGSVGElement, ways: Way[]) {
    this.#picture = picture;
    this.#ways = ways;
    this.listener = picture.getAttribute('data-listener') ?? '';
    this.#layer = document.createElementNS(space, 'g');
    picture.append(this.#layer);
  }

  /** Whether a request is one of those that it draws. */
  draws({ listener }: TrafficRequest): boolean {
    return this.listener === '*' || (this.listener !== '' && this.listener === listener);
  }

  playRequests(requests: TrafficRequest[]): void {
    for (const [index, request] of requests.entries()) this.#play(requestMoves(this.#ways, request), index * apartMs);
  }

  /** Plays an example; asked for on purpose, so it moves even where motion is unwanted. */
  playExample(): void {
    this.#play(exampleMoves(this.#ways, this.#turn++), 0, true);
  }

  remove(): void {
    for (const dot of this.#layer.children) for (const animation of dot.getAnimations()) animation.cancel();
    this.#layer.remove();
  }

  #play(moves: Move[], delayMs: number, wanted = false): void {
    if (document.hidden || (this.#still.matches && !wanted)) return;
    for (const move of moves) if (this.#layer.childElementCount < mostDots) this.#move(move, delayMs);
  }

  #move({ way, back, startMs, failed, mark }: Move, delayMs: number): void {
    const path = this.#picture.querySelector<SVGPathElement>(`#${CSS.escape(way.id)}`);
    if (path === null) return;
    const dot = drawDot(failed, mark);
    this.#layer.append(dot);
    const length = path.getTotalLength();
    const points = Array.from({ length: samples + 1 }, (_, index) =>
      path.getPointAtLength((back ? 1 - index / samples : index / samples) * length),
    );
    const frames = points.map(({ x, y }) => ({ transform: `translate(${x}px, ${y}px)`, opacity: 1 }));
    const last = frames.at(-1)!;
    // where there is something to read it stays for a while
    const stay = mark === '' ? [] : [last, last, { ...last, opacity: 0 }].flatMap(frame => Array(samples).fill(frame));
    const all = [...frames, ...stay];
    const duration = (moveMs * all.length) / frames.length;
    const animation = dot.animate(all, { delay: startMs + delayMs, duration, fill: 'none' });
    animation.finished.then(
      () => dot.remove(),
      () => dot.remove(),
    );
  }
}

function drawDot(failed: boolean, mark: string): SVGGElement {
  const dot = document.createElementNS(space, 'g');
  dot.setAttribute('class', failed ? 'traveller failed' : 'traveller');
  const circle = document.createElementNS(space, 'circle');
  circle.setAttribute('r', '7');
  dot.append(circle);
  if (mark !== '') {
    const text = document.createElementNS(space, 'text');
    text.setAttribute('y', '-14');
    text.textContent = mark;
    dot.append(text);
  }
  return dot;
}

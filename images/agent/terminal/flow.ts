import { highWater, lowWater } from '../protocol/terminal.ts';
import type { Viewer } from './viewer.ts';

/** Bytes not drawn on the agent's own screen at which the pty is paused, and resumed. */
const drawnHigh = 256 * 1024;
const drawnLow = 64 * 1024;
/** How long a viewer may hold up others who are with the output … */
const patienceMs = 2000;
/** … and how long it may hold up the program when nobody else watches. */
const patienceAloneMs = 15_000;

export interface FlowSubject {
  readonly viewers: ReadonlySet<Viewer>;
  readonly backlog: number;
  pause(): void;
  resume(): void;
}

/** Decides when a pty rests: no queue between it and the slowest viewer grows beyond its mark, and no viewer holds it up for long. */
export class FlowControl {
  readonly #subject: FlowSubject;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;

  constructor(subject: FlowSubject) {
    this.#subject = subject;
  }

  /** To be called whenever a lag or the backlog changed. */
  update(): void {
    const { backlog } = this.#subject;
    const lag = this.#largestLag();
    if (!this.#paused && (lag > highWater || backlog > drawnHigh)) this.#pause();
    else if (this.#paused && lag <= lowWater && backlog <= drawnLow) this.#resume();
  }

  /** A new pty reads until told otherwise. */
  reset(): void {
    this.#paused = false;
    this.stop();
    this.update();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #largestLag(): number {
    let largest = 0;
    for (const viewer of this.#subject.viewers) largest = Math.max(largest, viewer.lag);
    return largest;
  }

  #pause(): void {
    this.#paused = true;
    this.#since = performance.now();
    this.#subject.pause();
    this.#watch();
  }

  #resume(): void {
    this.#paused = false;
    clearTimeout(this.#timer);
    this.#subject.resume();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#losePatience(), patienceMs);
  }

  #losePatience(): void {
    const all = [...this.#subject.viewers];
    const slow = all.filter(viewer => viewer.lag > lowWater);
    const othersWait = all.some(viewer => viewer.follows && viewer.lag <= lowWater);
    if (othersWait || performance.now() - this.#since >= patienceAloneMs) for (const viewer of slow) viewer.cutOff();
    this.update();
    if (this.#paused) this.#watch();
  }
}

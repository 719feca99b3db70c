/** How much came in the window that is open: windows are as long as a unit, and begin with it. */
import { type Unit, units } from './limit.ts';

interface Window {
  count: number;
  unit: Unit;
  /** Seconds on the clock at which it is over. */
  end: number;
}

export interface Counted {
  /** With these hits. */
  count: number;
  /** Whole seconds, at least 1. */
  untilReset: number;
}

const mostWindows = 100_000;

export class Counters {
  readonly #windows = new Map<string, Window>();
  readonly #origin: number;
  readonly #most: number;

  /**
   * @param origin seconds on the clock from which windows are counted
   * @param most windows that are kept; the oldest is forgotten for a new one
   */
  constructor(origin = 0, most = mostWindows) {
    this.#origin = origin;
    this.#most = most;
  }

  /** @param now seconds on the clock */
  add(key: string, hits: number, unit: Unit, now: number): Counted {
    const window = this.#open(key, unit, now);
    window.count += hits;
    return { count: window.count, untilReset: Math.max(1, Math.ceil(window.end - now)) };
  }

  #open(key: string, unit: Unit, now: number): Window {
    const known = this.#windows.get(key);
    if (known !== undefined && known.unit === unit && now < known.end) return known;
    this.#windows.delete(key);
    if (this.#windows.size >= this.#most) this.#makeRoom(now);
    const { seconds } = units[unit];
    const passed = Math.floor((now - this.#origin) / seconds) + 1;
    const window = { count: 0, unit, end: this.#origin + passed * seconds };
    this.#windows.set(key, window);
    return window;
  }

  #makeRoom(now: number): void {
    for (const [key, { end }] of this.#windows) if (end <= now) this.#windows.delete(key);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= this.#most && oldest !== undefined) this.#windows.delete(oldest);
  }
}

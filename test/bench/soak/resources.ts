/** What a process has of memory and descriptors while it runs, and whether that grows. */
import { readdirSync } from 'node:fs';
import { memoryOf } from '../processes.ts';
import { median } from '../table.ts';

export interface Growth {
  /** The median once it is warm, and that of the end. */
  from: number;
  to: number;
  /** How much a minute, over all that time. */
  slope: number;
}

interface Sample {
  /** In minutes. */
  at: number;
  /** MiB that no other process has. */
  memory: number;
  descriptors: number;
}

const everyMs = 1000;
/** Of the time: before it, pools fill and code is compiled. */
const warmShare = 0.3;

export class Resources {
  readonly #pid: number;
  readonly #samples: Sample[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  start(): void {
    const started = performance.now();
    this.#timer = setInterval(() => this.#sample((performance.now() - started) / 60_000), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  growth(): { memory: Growth; descriptors: Growth } {
    return { memory: this.#growthOf(({ memory }) => memory), descriptors: this.#growthOf(one => one.descriptors) };
  }

  #sample(at: number): void {
    const memory = (memoryOf(this.#pid)?.private ?? 0) / 1024;
    this.#samples.push({ at, memory, descriptors: descriptorsOf(this.#pid) });
  }

  /** By thirds, since memory goes up and down with each collection. */
  #growthOf(pick: (sample: Sample) => number): Growth {
    const warm = this.#samples.slice(Math.floor(this.#samples.length * warmShare));
    const values = warm.map(pick);
    const third = Math.ceil(values.length / 3);
    return { from: median(values.slice(0, third)), to: median(values.slice(-third)), slope: slopeOf(warm, pick) };
  }
}

export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // It ended: that is told by what it does not answer.
    return 0;
  }
}

/** Of the line that lies nearest to all. */
function slopeOf(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((all, one) => all + of(one), 0) / samples.length;
  const [at, value] = [mean(one => one.at), mean(pick)];
  const spread = mean(one => (one.at - at) ** 2);
  return spread === 0 ? 0 : mean(one => (one.at - at) * (pick(one) - value)) / spread;
}

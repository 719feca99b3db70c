/**
 * Gives memory back once a program rests. V8 collects only while a program allocates, so that what a start or a load took stays with it for as long as
 * nothing more is asked of it.
 */
import { memoryUsage } from './memory-usage.ts';

const lookMs = 2000;
/** Part of a core below which a program rests. */
const restingLoad = 0.05;
/** A collection takes some 30 ms: it must be worth it, and is not repeated soon. */
const leastGrowth = 1 << 20;
const apartMs = 30_000;

/**
 * Collects whenever the process rests and has grown since the last time. Keeps no process alive. Needs node's `--expose-gc`, and without it does
 * nothing.
 * @param allowed whether now is a good time: a collection stops everything
 */
export function collectWhenIdle(allowed: () => boolean = () => true): void {
  const collect = globalThis.gc;
  if (collect === undefined) return;
  let cpu = process.cpuUsage();
  let settled = { bytes: 0, atMs: Number.NEGATIVE_INFINITY };
  const look = (): void => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    if ((user + system) / 1000 > lookMs * restingLoad || Date.now() - settled.atMs < apartMs) return;
    if (!allowed() || memoryUsage().rss - settled.bytes < leastGrowth) return;
    // All that can be given back, the room for young objects too.
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    cpu = process.cpuUsage();
    settled = { bytes: memoryUsage().rss, atMs: Date.now() };
  };
  setInterval(look, lookMs).unref();
}

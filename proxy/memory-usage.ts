/** How much memory the process takes. */

let known: NodeJS.MemoryUsage = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };

/**
 * In bytes. What it was before where it cannot be told now: the kernel tells it by a file, and a process under load may have no descriptor left to
 * open one with, which is no reason to end.
 */
export function memoryUsage(): NodeJS.MemoryUsage {
  try {
    known = process.memoryUsage();
  } catch {
    // As it was.
  }
  return known;
}

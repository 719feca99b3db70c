import type { TestContext } from 'node:test';

const works = new WeakMap<TestContext, (() => unknown)[]>();

/** Does `work` when the test ends, the newest first: what was made last may stand on what was made before. */
export function atEnd(context: TestContext, work: () => unknown): void {
  const known = works.get(context);
  if (known) {
    known.unshift(work);
    return;
  }
  const list = [work];
  works.set(context, list);
  context.after(async () => {
    for (const one of list) await one();
  });
}

/** What each provider's sandboxes look like from outside of them, for tests that kill one, or look for what was left. */
import type { ProviderName } from '../../server/providers/provider.ts';

export interface Outside {
  /** The learners' sandboxes of the data folder that are there, by id, whatever state they are in. */
  sandboxes(): Promise<string[]>;
  /** Ends one by force, as a crash does: nothing in it is told. */
  kill(id: string): Promise<void>;
  /**
   * All that is left of these sandboxes and, but for homes, of the data folder's others, in words: processes, mounts, control groups, containers, folders.
   * Empty once they have ended.
   */
  traces(ids: string[]): Promise<string[]>;
  /** When the home of a living one was saved last, in milliseconds since 1970; 0 where it never was. */
  savedAt(id: string): Promise<number>;
  /** Its processes, as far as they are on this machine. */
  processes(id: string): Promise<number[]>;
  /** The homes that are kept. */
  homes(): Promise<string[]>;
  /** Removes what is there for all sandboxes of these tests, where there is such a thing. */
  close?(): Promise<void>;
}

/** The view on a provider's sandboxes whose server has this data folder. */
export async function outsideOf(provider: ProviderName, data: string): Promise<Outside> {
  switch (provider) {
    case 'local':
      return (await import('./outside-local.ts')).localOutside(data);
    case 'docker':
      return (await import('./outside-docker.ts')).dockerOutside(data);
    case 'kubernetes':
      return (await import('./outside-kubernetes.ts')).kubernetesOutside(data);
  }
}

/** Waits until nothing is left of a sandbox that ends by itself. */
export async function ended(outside: Outside, id: string, milliseconds = 20_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const left = await outside.traces([id]);
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`still there after ${milliseconds} ms: ${left.join(', ')}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/** Waits until the home of a sandbox has been saved from now on: by then it holds what was written before. */
export async function saved(outside: Outside, id: string): Promise<void> {
  const before = await outside.savedAt(id);
  const deadline = Date.now() + 40_000;
  while ((await outside.savedAt(id)) === before) {
    if (Date.now() > deadline) throw new Error('the home was not saved in 40 s');
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

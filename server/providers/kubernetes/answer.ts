import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';
import { container } from './pod.ts';

/**
 * What the box program in a pod answered: the first line of JSON in the container's output. Undefined: a sandbox runs; else why not.
 *
 * @throws where the container says nothing of the kind, or the signal says so
 */
export async function boxAnswer(
  cluster: Cluster,
  namespace: string,
  pod: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const output = await cluster.follow(namespace, pod, container);
  const stop = (): void => void output.destroy(new Error('the sandbox did not answer in time'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const lines: string[] = [];
    for await (const line of createInterface({ input: output })) {
      if (line.startsWith('{')) return (JSON.parse(line) as { error?: { message: string } }).error?.message;
      lines.push(line);
    }
    throw new Error(`the container ended without an answer: ${lines.slice(-3).join(' | ')}`);
  } finally {
    signal.removeEventListener('abort', stop);
    output.destroy();
  }
}

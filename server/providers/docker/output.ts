import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { ExecStream } from '../../docker/exec-stream.ts';

/** What the box program answered in a container. */
export interface Answer {
  result?: unknown;
  error?: string;
}

/**
 * The first line of JSON in a container's output, whose stream is left then.
 *
 * @throws where the container ends without one, or the signal says so
 */
export async function firstAnswer(output: NodeJS.ReadableStream, signal: AbortSignal): Promise<Answer> {
  const stream = new ExecStream(output as Duplex);
  const stop = (): void => void stream.destroy(new Error('the container did not answer in time'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of createInterface({ input: stream })) {
      const { result, error } = JSON.parse(line) as { result?: unknown; error?: { message: string } };
      return error ? { error: error.message } : { result };
    }
    throw new Error('the container ended without a word');
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

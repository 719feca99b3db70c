import type { Duplex } from 'node:stream';
import { ExecStream } from '../../docker/exec-stream.ts';

/** What the box program answered in a container. */
export interface Answer {
  result?: unknown;
  error?: string;
}

const longestLine = 64 << 10;

/**
 * The first line of a container's output, JSON of the box program; the stream is left then.
 *
 * @throws where the container ends without one, says something else, or the signal aborts
 */
export async function firstAnswer(output: Duplex, signal: AbortSignal): Promise<Answer> {
  const stream = new ExecStream(output);
  const stop = (): void => void stream.destroy(new Error('the container did not answer in time'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    let said = '';
    for await (const chunk of stream) {
      said += chunk;
      const end = said.indexOf('\n');
      if (end >= 0) return parse(said.slice(0, end));
      if (said.length > longestLine) break;
    }
    throw new Error(said === '' ? 'the container ended without a word' : `the container said: ${said.slice(0, 200)}`);
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

function parse(line: string): Answer {
  try {
    const { result, error } = JSON.parse(line) as { result?: unknown; error?: { message: string } };
    return error ? { error: error.message } : { result };
  } catch {
    throw new Error(`the container said: ${line.slice(0, 200)}`);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { Failure } from '../failure.ts';

const mostWords = 2000;

/** Runs one of the box's own programs to its end, such as crun; rejects with what it said where it fails. */
export function runCommand(command: readonly string[], timeoutMs: number): Promise<void> {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const words = lastWords(child);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.once('error', reject);
    // Not 'close': what it left running may hold its output.
    child.once('exit', (status, signal) => {
      clearTimeout(timer);
      if (status === 0) resolve();
      else reject(new Failure('internal', `${program} ended with ${status ?? signal}: ${words()}`));
      setImmediate(() => child.stderr?.destroy());
    });
  });
}

/** Collects the end of what a child says on standard error. */
export function lastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-mostWords);
  });
  child.stderr?.on('error', () => {});
  return () => text.trim();
}

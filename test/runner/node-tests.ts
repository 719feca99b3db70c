import { relative } from 'node:path';
import type { EventData } from 'node:test';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { top } from '../lint/files.ts';
import type { Tally } from './tally.ts';

/** Of what a test file prints, the end is kept to be shown when a test of it fails, in characters. */
const keptOutput = 6000;

export interface TestOptions {
  /** Test files that run at once. */
  concurrency: number;
  /** For one file, in milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Variables beside this process's own. */
  environment?: Record<string, string>;
  /** Called with a line for each test that ended. */
  onTest?: (line: string) => void;
}

/** Runs files of node:test, each in a process of its own. */
export async function runTests(files: string[], options: TestOptions): Promise<Tally> {
  const tally: Tally = { passed: 0, failures: [], skips: [], notes: [] };
  const waiting = [...files];
  const runWaiting = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runFile(file, tally, options);
  };
  await Promise.all(Array.from({ length: options.concurrency }, runWaiting));
  return tally;
}

/** A file that does not end by itself is ended: `timeout` of node:test is for each test in it, not for what a test leaves running. */
async function runFile(file: string, tally: Tally, options: TestOptions): Promise<void> {
  const { timeoutMs: timeout } = options;
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), timeout);
  const signal = AbortSignal.any([options.signal, tooLong.signal]);
  const env = { ...process.env, ...options.environment };
  let output = '';
  const keep = ({ message }: { message: string }): void => {
    output = `${output}${message}`.slice(-keptOutput);
  };
  const stream = run({ files: [file], timeout, signal, cwd: top, env });
  stream.on('test:stdout', keep);
  stream.on('test:stderr', keep);
  stream.on('test:pass', event => pass(tally, event, options));
  stream.on('test:fail', event =>
    fail(tally, event, tooLong.signal.aborted ? `ended after ${timeout / 1000} s\n${output}` : output, options),
  );
  // At the top node:test tells its own counts.
  stream.on('test:diagnostic', ({ message, nesting }) => {
    if (nesting > 0) tally.notes?.push(message);
  });
  for await (const _ of stream);
  clearTimeout(timer);
}

function pass(tally: Tally, event: EventData.TestPass, { onTest }: TestOptions): void {
  const name = nameOf(event);
  if (event.skip !== undefined && event.skip !== false) {
    const reason = typeof event.skip === 'string' && event.skip !== '' ? event.skip : 'no reason given';
    tally.skips.push({ name, reason });
    onTest?.(`skipped ${name}: ${reason}`);
  } else if (event.details.type !== 'suite') {
    tally.passed++;
    onTest?.(`passed  ${name} (${Math.round(event.details.duration_ms)} ms)`);
  }
}

function fail(tally: Tally, event: EventData.TestFail, output: string, { onTest }: TestOptions): void {
  const error = event.details.error as Error & { failureType?: string };
  // a suite only fails along with what is in it, unless a hook did
  if (error.failureType === 'subtestsFailed') return;
  tally.failures.push({ name: nameOf(event), detail: detailOf(error, output.trim()) });
  onTest?.(`FAILED  ${nameOf(event)}`);
}

/** What fails with its suite, when a hook or the time of that ran out, is told in a line: the suite tells the reason. */
function detailOf(error: Error & { failureType?: string }, printed: string): string {
  if (error.failureType === 'cancelledByParent') return 'not run to its end: its suite failed';
  const detail = [inspect(error.cause ?? error), printed ? `printed by the file:\n${printed}` : ''];
  return detail.filter(part => part !== '').join('\n');
}

function nameOf({ name, file }: { name: string; file?: string | undefined }): string {
  const path = file ? relative(top, file) : '';
  return path === '' || name === file ? name : `${path}: ${name}`;
}

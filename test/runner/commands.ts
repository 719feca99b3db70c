import { spawn } from 'node:child_process';
import { top } from '../lint/files.ts';
import { type Failure, single, type Tally } from './tally.ts';

export interface CommandResult {
  status: number;
  output: string;
}

/** Of what a command prints, so much is kept, in characters. */
const keptOutput = 200_000;

/** Runs a program on this Node, or another program, from the top of the repo. */
export function runCommand(
  command: string[],
  signal: AbortSignal,
  onLine?: (line: string) => void,
  environment: Record<string, string> = {},
): Promise<CommandResult> {
  const env = { ...process.env, ...environment };
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: top, stdio: ['ignore', 'pipe', 'pipe'], signal, env });
    let output = '';
    const take = (text: string) => {
      output = (output + text).slice(-keptOutput);
      for (const line of text.split('\n')) if (line.trim() !== '') onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', status => resolve({ status: status ?? 1, output }));
  });
}

/** A command that has to end well counts as one test. */
export async function checkCommand(name: string, command: string[], signal: AbortSignal): Promise<Tally> {
  const { status, output } = await runCommand(command, signal);
  return single(name, status === 0 ? [] : [output.trim() || `ended with ${status}`]);
}

/** A command that closes with `N passed, N failed` counts as many tests as it says. */
export async function countedCommand(
  name: string,
  command: string[],
  signal: AbortSignal,
  onLine?: (line: string) => void,
  environment?: Record<string, string>,
): Promise<Tally> {
  const { status, output } = await runCommand(command, signal, onLine, environment);
  const closing = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/gm)].at(-1);
  if (!closing) return single(name, [`ended with ${status} and counted nothing:\n${output.trim()}`]);
  const failed = Math.max(Number(closing[2]), status === 0 ? 0 : 1);
  const failures: Failure[] = Array.from({ length: failed }, (_, i) => ({
    name: `${name} (${i + 1} of ${failed})`,
    detail: i === 0 ? output.trim() : 'see above',
  }));
  const skips = Array.from({ length: Number(closing[3] ?? 0) }, () => ({ name, reason: 'see its lines' }));
  return { passed: Number(closing[1]), failures, skips };
}

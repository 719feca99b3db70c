import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { worldOffset, worldUsers } from '../../box/specification.ts';
import { Failure } from '../failure.ts';
import type { Methods } from '../protocol/messages.ts';
import { killSession, killUser } from './processes.ts';
import type { World } from './world.ts';

type Params = Methods['execute']['params'];
type Result = Methods['execute']['result'];

const mostOutput = 256 * 1024;
/** What is left in the pipes when the program ends is taken; what its children write later is not. */
const drainMs = 50;

let runs = 0;
let checkers = 0;

/** Runs a program in the learner's world; see `execute`. */
export async function execute(world: World, params: Params, signal: AbortSignal): Promise<Result> {
  const pidFile = join(world.folder, `execute-${++runs}.pid`);
  const { command, done } = await world.command(
    params.command,
    {
      user: params.user === 'checker' ? 'checker' : 'learner',
      ...(params.directory === undefined ? {} : { directory: params.directory }),
      environment: { TERM: 'dumb', ...params.environment },
    },
    ['--pid-file', pidFile],
  );
  if (params.user === 'checker') checkers++;
  try {
    return await supervise(spawn(command[0]!, command.slice(1)), pidFile, params, signal);
  } finally {
    done();
    rmSync(pidFile, { force: true });
    if (params.user === 'checker' && --checkers === 0) killUser(worldUsers.checker + worldOffset);
  }
}

async function supervise(child: ChildProcess, pidFile: string, params: Params, signal: AbortSignal): Promise<Result> {
  const most = Math.min(params.maximumOutput, mostOutput);
  const output = [collect(child.stdout!, most), collect(child.stderr!, most)] as const;
  child.stdin!.on('error', () => {});
  child.stdin!.end(params.input ?? '');
  let ended: Failure | undefined;
  const stop = (failure: Failure): void => {
    ended = failure;
    const pid = readPid(pidFile);
    if (pid !== undefined) killSession(pid);
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => stop(late(params)), params.timeoutMs);
  const abort = (): void => stop(new Failure('cancelled', 'the caller gave up'));
  signal.addEventListener('abort', abort);
  try {
    const exitStatus = await exit(child);
    if (ended) throw ended;
    return {
      exitStatus,
      standardOutput: output[0].text(),
      standardError: output[1].text(),
      truncated: output.some(one => one.truncated()),
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

const late = ({ timeoutMs }: Params): Failure =>
  new Failure('timed-out', `the program did not end within ${timeoutMs} ms`);

function exit(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', status => {
      const finish = (): void => {
        clearTimeout(timer);
        child.stdout!.destroy();
        child.stderr!.destroy();
        resolve(status ?? -1);
      };
      const timer = setTimeout(finish, drainMs);
      child.once('close', finish);
    });
  });
}

function collect(stream: NodeJS.ReadableStream, most: number): { text: () => string; truncated: () => boolean } {
  const chunks: Buffer[] = [];
  let length = 0;
  let cut = false;
  stream.on('data', (chunk: Buffer) => {
    const taken = chunk.subarray(0, most - length);
    if (taken.length < chunk.length) cut = true;
    if (taken.length === 0) return;
    chunks.push(taken);
    length += taken.length;
  });
  stream.on('error', () => {});
  return { text: () => Buffer.concat(chunks).toString(), truncated: () => cut };
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

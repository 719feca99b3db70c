/**
 * One arena of malloc for all threads, which gives back what is free: 6 MB of 21 at rest. The C library reads that from the environment as a program
 * starts, so that the proxy starts once more, in the same process: to be imported before all that takes long to load.
 */
import { parseCommandLine } from './command-line.ts';
import { ownPlace } from './workers/threads.ts';

type Environment = Record<string, string | undefined>;

/** The environment to start in once more; undefined where that is good as it is, or where others of several workers would wait for the one arena. */
export function betterEnvironment(args: readonly string[], env: Environment): Environment | undefined {
  if (env.MALLOC_ARENA_MAX !== undefined) return undefined;
  const parsed = parseCommandLine('proxy', [...args], env);
  if ('print' in parsed || parsed.options.mode !== 'serve' || (parsed.options.concurrency ?? 1) > 1) return undefined;
  return { MALLOC_TRIM_THRESHOLD_: '65536', ...env, MALLOC_ARENA_MAX: '1' };
}

function startOnceMore(): void {
  const env = betterEnvironment(process.argv.slice(2), process.env);
  // A parent's channel would be lost.
  if (env === undefined || process.channel !== undefined) return;
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env);
}

const isProgram = import.meta.filename.endsWith('.cjs');
if (isProgram && ownPlace() === undefined && process.platform === 'linux') startOnceMore();

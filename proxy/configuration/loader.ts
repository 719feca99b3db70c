/**
 * Loads a configuration in a process that ends afterwards: schema and YAML parser take more memory than the proxy itself, and nobody
 * needs them once it runs. (A thread does not do: what it took stays with the process.)
 */
import { execFile } from 'node:child_process';
import { writeSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { ConfigurationError, type Path } from './errors.ts';
import type { ConfigurationSource, LoadedConfiguration } from './load.ts';

/** Parsing takes a fraction of a second; what takes so long never ends. */
const patienceMs = 60_000;
/** A configuration is larger than this only by mistake. */
const answerLimit = 256 << 20;
/** Tells the process what to load. */
const variable = 'PROXY_LOADS_CONFIGURATION';

type Answer =
  | { loaded: LoadedConfiguration }
  | { refused: { reason: string; path: Path; position: string } }
  | { failed: string };

/** Whether this process was started to load a configuration. */
export const isLoader = process.env[variable] !== undefined;

/** Loads in a process that runs `program`, which must call `answerAsLoader` where `isLoader`. */
export async function loadApart(program: string, source: ConfigurationSource): Promise<LoadedConfiguration> {
  const answer = deserialize(await answerOf(program, source)) as Answer;
  if ('loaded' in answer) return answer.loaded;
  if ('failed' in answer) throw new Error(answer.failed);
  const { reason, path, position } = answer.refused;
  throw new ConfigurationError(reason, { path, position });
}

function answerOf(program: string, source: ConfigurationSource): Promise<Buffer> {
  const env = { ...process.env, [variable]: JSON.stringify(source) };
  const options = { env, encoding: 'buffer', maxBuffer: answerLimit, timeout: patienceMs } as const;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...process.execArgv, program], options, (error, answer, complaints) => {
      if (error)
        reject(new Error(`the configuration could not be loaded: ${complaints.toString().trim() || error.message}`));
      else resolve(answer);
    });
  });
}

/** The other side: loads what was asked for and writes the result to standard output. */
export async function answerAsLoader(): Promise<void> {
  const source = JSON.parse(process.env[variable] ?? '{}') as ConfigurationSource;
  const { loadConfiguration } = await import('./load.ts');
  const answer = serialize(attempt(() => loadConfiguration(source)));
  for (let done = 0; done < answer.length; ) done += writeSync(1, answer, done);
}

function attempt(load: () => LoadedConfiguration): Answer {
  try {
    return { loaded: load() };
  } catch (error) {
    if (!(error instanceof ConfigurationError))
      return { failed: error instanceof Error ? error.message : String(error) };
    const { reason, path, position } = error;
    return { refused: { reason, path, position } };
  }
}

/**
 * Loads a configuration in a process that ends afterwards: schema and YAML parser take more memory than the proxy itself, and nobody
 * needs them once it runs. (A thread does not do: what it took stays with the process.)
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ConfigurationError, type Path } from './errors.ts';
import { deserializeDetached, KeptDocument } from './kept.ts';
import type { ConfigurationSource, LoadedConfiguration } from './load.ts';

/** Parsing takes a fraction of a second; what takes so long never ends. */
const patienceMs = 60_000;
/** A configuration is larger than this only by mistake. */
const answerLimit = 256 << 20;
/** Tells the process what to load. */
export const variable = 'PROXY_LOADS_CONFIGURATION';

export type Answer<Loaded> =
  | { loaded: Loaded }
  | { refused: { reason: string; path: Path; position: string } }
  | { failed: string };

/** The program of that process: beside this one, bundled or not. */
export function loaderProgram(): string {
  const bundled = import.meta.filename.endsWith('.cjs');
  return join(import.meta.dirname, bundled ? 'proxy-loader.cjs' : 'loader-main.ts');
}

/** Loads in a process of its own. */
export async function loadApart(source: ConfigurationSource): Promise<LoadedConfiguration> {
  const loaded = unwrap(deserializeDetached(await answerOf(loaderProgram(), source)) as Answer<LoadedConfiguration>);
  const kept = new KeptDocument(loaded.document);
  return {
    ...loaded,
    get document() {
      return kept.document;
    },
  };
}

/** @throws ConfigurationError for what was refused */
export function unwrap<Loaded>(answer: Answer<Loaded>): Loaded {
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

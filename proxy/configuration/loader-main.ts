/** The process that loads a configuration for the proxy and ends: a program of its own, so that the proxy does not carry its source. */
import { writeSync } from 'node:fs';
import { serialize } from 'node:v8';
import { ConfigurationError } from './errors.ts';
import { type ConfigurationSource, type LoadedConfiguration, loadConfiguration } from './load.ts';
import { type Answer, variable } from './loader.ts';

/** Loads what was asked for and writes the result to standard output. */
function answer(): void {
  const source = JSON.parse(process.env[variable] ?? '{}') as ConfigurationSource;
  const bytes = serialize(attempt(() => loadConfiguration(source)));
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
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

if (process.env[variable] !== undefined) answer();

/** The process that loads configuration for the proxy: a program of its own, so that the proxy does not carry its source. */
import { writeSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { ConfigurationError } from './errors.ts';
import { FrameReader, frame } from './frames.ts';
import { type ConfigurationSource, loadConfiguration } from './load.ts';
import { type Answer, variable } from './loader.ts';
import { findPositions, type PositionsRequest } from './positions.ts';
import { loadResources, type ResourceRequest } from './resources.ts';

/** Loads the bootstrap that was asked for, writes the result to standard output, and ends. */
function answerOnce(source: ConfigurationSource): void {
  write(serialize(attempt(() => loadConfiguration(source))));
}

/** Loads resources, or finds positions, as is asked for on standard input, until that ends. */
function answerRequests(): void {
  const reader = new FrameReader(payload => {
    const request = deserialize(payload) as ResourceRequest | PositionsRequest;
    const load = () => ('paths' in request ? findPositions(request) : loadResources(request));
    write(frame(serialize(attempt(load))));
  });
  process.stdin.on('data', (chunk: Buffer) => reader.add(chunk));
}

function write(bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSome(bytes, done);
}

/** A pipe that is full says so, where standard output does not block. */
function writeSome(bytes: Buffer, from: number): number {
  try {
    return writeSync(1, bytes, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

function attempt<Loaded>(load: () => Loaded): Answer<Loaded> {
  try {
    return { loaded: load() };
  } catch (error) {
    if (!(error instanceof ConfigurationError))
      return { failed: error instanceof Error ? error.message : String(error) };
    const { reason, path, position } = error;
    return { refused: { reason, path, position } };
  }
}

const asked = process.env[variable];
if (asked === 'resources') answerRequests();
else if (asked !== undefined) answerOnce(JSON.parse(asked) as ConfigurationSource);

import type { FileContent, FileWrite } from '../api.ts';
import type { Agent } from '../checks/agent.ts';
import { UnicornError } from '../errors.ts';
import { askAgent } from './agent-calls.ts';

/** The largest file that the editor opens. */
const maximumBytes = 256 * 1024;

/** A file of the learner's world, as text. */
export async function readFile(agent: Agent, path: string): Promise<FileContent> {
  requirePath(path);
  const { content, modifiedMs } = await askAgent(() => agent.call('file.read', { path, maximumBytes }));
  return { path, content, modifiedMs };
}

/** Writes a file, unless it is newer than what the editor read. @throws UnicornError `changed` */
export async function writeFile(agent: Agent, path: string, { content, modifiedMs }: FileWrite): Promise<FileContent> {
  requirePath(path);
  if (Buffer.byteLength(content) > maximumBytes) throw new UnicornError('too-large', 'A file may have 256 KiB here.');
  if (modifiedMs !== null && (await modifiedAt(agent, path)) > modifiedMs) {
    throw new UnicornError('changed', `${path} has changed since you opened it.`, 'Load it again, or write over it.');
  }
  const written = await askAgent(() => agent.call('file.write', { path, content }));
  return { path, content, modifiedMs: written.modifiedMs };
}

/** 0 for a file that is not there. */
async function modifiedAt(agent: Agent, path: string): Promise<number> {
  try {
    return (await readFile(agent, path)).modifiedMs;
  } catch (error) {
    if (error instanceof UnicornError && error.code === 'not-found') return 0;
    throw error;
  }
}

function requirePath(path: string): void {
  if (path.includes('\0')) throw new UnicornError('invalid', 'A path has no null characters in it.');
}

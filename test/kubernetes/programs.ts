/** Programs that not every machine has: helm from UNICORN_HELM or the PATH. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const helm = process.env.UNICORN_HELM || 'helm';

/** Why there is no helm, if so. */
export async function withoutHelm(): Promise<string | undefined> {
  try {
    await run(helm, ['version', '--short']);
    return undefined;
  } catch {
    return 'no helm here: UNICORN_HELM or the PATH names one';
  }
}

/** What helm says. @throws with its complaint */
export async function helmSays(...args: string[]): Promise<string> {
  const { stdout } = await run(helm, args, { maxBuffer: 1 << 24 });
  return stdout;
}

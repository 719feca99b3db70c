/**
 * The box program: a line of JSON in, a line of JSON out, for each request; JSON specification in, sandbox out.
 *
 *     echo '{"id": 1, "method": "create", "params": {…}}' | node images/box/main.ts
 *
 * Requests run side by side. When the input ends it finishes what it was asked and exits; sandboxes live on.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createBox, tryBox } from './create.ts';
import { BoxError } from './errors.ts';
import { ownRanges } from './ids.ts';
import { limitSupport } from './limits.ts';
import { endBox, sweepBoxes, sweepRuntimes } from './remove.ts';
import type { BoxRequest, BoxResults } from './requests.ts';
import { prepareRuntime } from './runtime.ts';
import { isAlive, listFolders } from './state.ts';

let support: ReturnType<typeof limitSupport> | undefined;
const limits = (): ReturnType<typeof limitSupport> => {
  support ??= limitSupport();
  return support;
};

const live = (parent: string) => listFolders(parent).filter(({ state }) => state && isAlive(state));

async function sweep(sandboxes: string, runtimes: string, keep: string[]): Promise<Record<string, never>> {
  await sweepBoxes(sandboxes);
  const used = new Set([...keep, ...live(sandboxes).map(({ state }) => state!.runtime)]);
  const folders = existsSync(runtimes) ? readdirSync(runtimes) : [];
  sweepRuntimes(
    used,
    folders.map(name => join(runtimes, name)),
  );
  return {};
}

async function answer(request: BoxRequest): Promise<BoxResults[keyof BoxResults]> {
  switch (request.method) {
    case 'prepare':
      return { runtime: await prepareRuntime(request.params.folder, request.params.sources) };
    case 'create':
      await createBox(request.params, (await limits()).kind);
      return {};
    case 'trial':
      return tryBox(request.params, (await limits()).kind);
    case 'list':
      return {
        sandboxes: live(request.params.sandboxes).map(({ state }) => ({ id: state!.id, homeFile: state!.homeFile })),
      };
    case 'end':
      await endBox(request.params.runFolder);
      return {};
    case 'sweep':
      return sweep(request.params.sandboxes, request.params.runtimes, request.params.keep);
    case 'support':
      return { limits: await limits(), ranges: ownRanges().length };
    default:
      throw new BoxError('invalid', `there is no method ${JSON.stringify((request as { method: unknown }).method)}`);
  }
}

const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

async function serve(line: string): Promise<void> {
  let id: unknown = null;
  try {
    const request = JSON.parse(line) as BoxRequest & { id: unknown };
    id = request.id;
    say({ id, result: await answer(request) });
  } catch (error) {
    const { message } = error as Error;
    say({ id, error: { code: error instanceof BoxError ? error.code : 'failed', message } });
  }
}

// Users of a sandbox must be able to pass through and read what is made for them.
process.umask(0o022);
createInterface({ input: process.stdin }).on('line', line => void serve(line));

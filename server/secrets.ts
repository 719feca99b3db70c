import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './errors.ts';
import type { Settings } from './settings.ts';
import type { Store } from './store/store.ts';

/** What opens the doors. Kept in the store, so that addresses stay good over restarts and all servers of a class agree. */
export interface Secrets {
  /** In the learner's address where one is alone: not for typing. */
  aloneCode: string;
  /** What a class types to join. */
  classCode: string;
  instructor: string;
  /** By which servers that share the store know each other. */
  replicas: string;
  /** No secret: by it they know the sandboxes that are theirs. */
  owner: string;
}

// Without letters and digits that look alike.
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Reads the secrets of this class, or makes them. */
export async function loadSecrets(store: Store, settings: Settings): Promise<Secrets> {
  const { databaseUrl, data, instructorSecret } = settings;
  const file = join(data, 'secrets.json');
  const earlier = databaseUrl === null ? await earlierSecrets(file) : {};
  const stored = (await store.secrets({ ...newSecrets(), ...earlier })) as unknown as Secrets;
  if (databaseUrl === null) await rm(file, { force: true });
  return { ...stored, instructor: instructorSecret ?? stored.instructor };
}

function newSecrets(): Secrets {
  return {
    aloneCode: newClassCode('aloneCode'),
    classCode: newClassCode('classCode'),
    instructor: randomBytes(24).toString('base64url'),
    replicas: randomBytes(32).toString('base64url'),
    owner: randomBytes(6).toString('hex'),
  };
}

/** A code by which to join: for typing where there is a class. */
export function newClassCode(name: 'classCode' | 'aloneCode'): string {
  if (name === 'aloneCode') return randomBytes(24).toString('hex');
  const code = Array.from({ length: 10 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}

/** Those of a data folder from before they were in the store. */
async function earlierSecrets(file: string): Promise<Partial<Secrets>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    const known = Object.keys(newSecrets());
    const entries = Object.entries(value as object).filter(([key, secret]) => known.includes(key) && isSecret(secret));
    return Object.fromEntries(entries);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    if (error instanceof SyntaxError)
      throw new StartError(`${file}: not JSON`, 'Remove it: new secrets are made then, and addresses change.');
    throw error;
  }
}

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 8;
}

/** Makes the data folder, for its owner alone. */
export async function makeDataFolder(data: string): Promise<void> {
  try {
    await mkdir(data, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartError(
      `the data folder ${data} cannot be made (${(error as NodeJS.ErrnoException).code})`,
      'Name another one with --data FOLDER.',
    );
  }
}

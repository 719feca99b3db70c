import { randomBytes, randomInt } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './errors.ts';

/** What opens the doors. Kept in the data folder, so that addresses stay good over restarts. */
export interface Secrets {
  /** In the learner's address where one is alone: not for typing. */
  aloneCode: string;
  /** What a class types to join. */
  classCode: string;
  instructor: string;
}

// Without letters and digits that look alike.
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Reads the secrets of this data folder, or makes them. */
export async function loadSecrets(data: string): Promise<Secrets> {
  const file = join(data, 'secrets.json');
  const stored = await readSecrets(file);
  const secrets = { ...newSecrets(), ...stored };
  if (stored === null || Object.keys(stored).length < Object.keys(secrets).length) await writeSecrets(file, secrets);
  else await chmod(file, 0o600);
  return secrets;
}

function newSecrets(): Secrets {
  const code = Array.from({ length: 10 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return {
    aloneCode: randomBytes(24).toString('hex'),
    classCode: `${code.slice(0, 5)}-${code.slice(5)}`,
    instructor: randomBytes(24).toString('base64url'),
  };
}

async function readSecrets(file: string): Promise<Partial<Secrets> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    const known = Object.keys(newSecrets());
    const entries = Object.entries(value as object).filter(([key, secret]) => known.includes(key) && isSecret(secret));
    return Object.fromEntries(entries);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof SyntaxError)
      throw new StartError(`${file}: not JSON`, 'Remove it: new secrets are made then, and addresses change.');
    throw error;
  }
}

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 8;
}

async function writeSecrets(file: string, secrets: Secrets): Promise<void> {
  const half = `${file}.${process.pid}`;
  await writeFile(half, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  await rename(half, file);
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

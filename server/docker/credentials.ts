/** Who this user is to an image registry, as `docker login` has noted it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DockerContextError } from './endpoint.ts';

/** What a daemon is given for a pull or a push. */
export interface RegistryCredentials {
  serveraddress: string;
  username?: string;
  password?: string;
  identitytoken?: string;
}

interface Configuration {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

const dockerHub = 'https://index.docker.io/v1/';
const helperMs = 30_000;
/** What a credential helper answers in place of a name when it holds a token. */
const tokenUser = '<token>';

/** The registry that an image's name begins with; Docker's own where it names none. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : dockerHub;
}

/**
 * What `docker login` noted for the registry of an image; undefined where nobody logged in.
 *
 * @throws DockerContextError where the file or a credential helper cannot be used
 * @see https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export async function credentialsFor(
  image: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RegistryCredentials | undefined> {
  const registry = registryOf(image);
  const file = join(environment.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json');
  const configuration = await read(file);
  const helper = configuration.credHelpers?.[registry] ?? configuration.credsStore;
  if (helper) return askHelper(helper, registry, environment);
  const noted = configuration.auths?.[registry];
  if (noted?.identitytoken) return { serveraddress: registry, identitytoken: noted.identitytoken };
  if (!noted?.auth) return undefined;
  const [username = '', ...password] = Buffer.from(noted.auth, 'base64').toString().split(':');
  return { serveraddress: registry, username, password: password.join(':') };
}

async function read(file: string): Promise<Configuration> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Configuration;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new DockerContextError(`${file} cannot be read: ${(error as Error).message}`, 'docker login writes it anew');
  }
}

function askHelper(
  helper: string,
  registry: string,
  environment: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${helper}`;
  const { promise, resolve, reject } = Promise.withResolvers<RegistryCredentials | undefined>();
  const child = execFile(program, ['get'], { timeout: helperMs, env: environment }, (error, output) => {
    // The helpers' one way to say that they hold nothing for it.
    if (/credentials not found/i.test(output)) resolve(undefined);
    else if (error)
      reject(new DockerContextError(`${program}: ${output.trim() || error.message}`, `docker login ${registry}`));
    else resolve(answerOf(registry, output));
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(registry);
  return promise;
}

function answerOf(registry: string, output: string): RegistryCredentials {
  const { Username = '', Secret = '' } = JSON.parse(output) as { Username?: string; Secret?: string };
  if (Username === tokenUser) return { serveraddress: registry, identitytoken: Secret };
  return { serveraddress: registry, username: Username, password: Secret };
}

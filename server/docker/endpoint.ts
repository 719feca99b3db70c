/** Finds the Docker daemon that the `docker` command of this user would speak to. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a daemon is, and what said so. */
export interface DockerEndpoint {
  /** `unix:///…`, `npipe:////./pipe/…`, or `tcp://HOST:PORT`. */
  host: string;
  /** For doctor: "DOCKER_HOST", "the context NAME", "the default socket". */
  from: string;
  /** Folder with ca.pem, cert.pem and key.pem, where TLS is spoken. */
  certificates: string | undefined;
  /** False only where the user turned it off. */
  verify: boolean;
}

type Environment = Record<string, string | undefined>;

/** The configuration of Docker's clients names a context that is not there, or one that cannot be read. */
export class DockerContextError extends Error {
  readonly remedy: string;
  constructor(
    message: string,
    remedy = 'docker context ls shows those there are; docker context use NAME chooses one',
  ) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * As Docker's own clients choose: DOCKER_HOST, then DOCKER_CONTEXT, then the context in use, then the sockets where daemons listen.
 *
 * @throws DockerContextError
 * @see https://docs.docker.com/engine/manage-resources/contexts/
 */
export function findEndpoint(environment: Environment = process.env, platform = process.platform): DockerEndpoint {
  const configuration = environment.DOCKER_CONFIG || join(homedir(), '.docker');
  if (environment.DOCKER_HOST) return ofVariables(environment.DOCKER_HOST, environment, configuration);
  const context = environment.DOCKER_CONTEXT || currentContext(configuration);
  if (context && context !== 'default') return ofContext(context, configuration);
  return {
    host: defaultHost(environment, platform),
    from: 'the default socket',
    certificates: undefined,
    verify: true,
  };
}

function ofVariables(host: string, environment: Environment, configuration: string): DockerEndpoint {
  const tls = Boolean(environment.DOCKER_TLS_VERIFY || environment.DOCKER_CERT_PATH || environment.DOCKER_TLS);
  const certificates = tls ? environment.DOCKER_CERT_PATH || configuration : undefined;
  return { host, from: 'DOCKER_HOST', certificates, verify: Boolean(environment.DOCKER_TLS_VERIFY) };
}

function currentContext(configuration: string): string | undefined {
  const file = join(configuration, 'config.json');
  return existsSync(file) ? (readJson(file) as { currentContext?: string }).currentContext : undefined;
}

interface ContextFile {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

function ofContext(name: string, configuration: string): DockerEndpoint {
  const id = createHash('sha256').update(name).digest('hex');
  const file = join(configuration, 'contexts/meta', id, 'meta.json');
  if (!existsSync(file)) throw new DockerContextError(`there is no Docker context ${JSON.stringify(name)}`);
  const endpoint = (readJson(file) as ContextFile).Endpoints?.docker;
  if (!endpoint?.Host) throw new DockerContextError(`the Docker context ${JSON.stringify(name)} names no daemon`);
  const certificates = join(configuration, 'contexts/tls', id, 'docker');
  return {
    host: endpoint.Host,
    from: `the context ${name}`,
    certificates: existsSync(certificates) ? certificates : undefined,
    verify: endpoint.SkipTLSVerify !== true,
  };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new DockerContextError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function defaultHost(environment: Environment, platform: NodeJS.Platform): string {
  if (platform === 'win32') return 'npipe:////./pipe/docker_engine';
  const ofUser = environment.XDG_RUNTIME_DIR ? [join(environment.XDG_RUNTIME_DIR, 'docker.sock')] : [];
  const sockets = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock'), ...ofUser];
  return `unix://${sockets.find(existsSync) ?? sockets[0]}`;
}

/** Whether it is worth a try: a socket that is there, or an address that somebody named. */
export const seemsThere = ({ host }: DockerEndpoint): boolean => {
  const socket = /^unix:\/\/(.*)$/.exec(host)?.[1];
  return socket === undefined || existsSync(socket);
};

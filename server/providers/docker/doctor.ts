/** What a Docker daemon can do for sandboxes. */
import type Docker from 'dockerode';
import { DockerContextError, type DockerEndpoint } from '../../docker/endpoint.ts';
import type { Finding } from '../provider.ts';

/** What of `docker info` matters here. */
export interface DaemonInfo {
  ServerVersion: string;
  OSType: string;
  OperatingSystem: string;
  Architecture: string;
  SecurityOptions: string[];
  MemTotal: number;
  MemoryLimit: boolean;
  PidsLimit: boolean;
}

const oldest = 20;
const infoMs = 20_000;

/** `docker info`. @throws where no daemon answers in time */
export async function daemonInfo(docker: Docker): Promise<DaemonInfo> {
  const late = AbortSignal.timeout(infoMs);
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new Error('no answer in time'));
  late.addEventListener('abort', stop, { once: true });
  try {
    return (await Promise.race([docker.info(), promise])) as DaemonInfo;
  } finally {
    late.removeEventListener('abort', stop);
  }
}

/** Why no daemon answers, and what mends it. */
export function unreachable(error: Error): Finding {
  const subject = 'daemon';
  if (error instanceof DockerContextError)
    return { subject, state: 'missing', detail: error.message, remedy: error.remedy };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES')
    return {
      subject,
      state: 'missing',
      detail: 'this user may not speak to the Docker daemon',
      remedy: 'sudo usermod -aG docker $USER, then log in again',
    };
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return { subject, state: 'missing', detail: 'no Docker daemon answers', remedy: startLine() };
  return {
    subject,
    state: 'missing',
    detail: `the Docker daemon does not answer: ${error.message}`,
    remedy: startLine(),
  };
}

function startLine(): string {
  return process.platform === 'linux'
    ? 'sudo systemctl start docker   (or install Docker: https://docs.docker.com/engine/install)'
    : 'start Docker Desktop, or install it: https://docs.docker.com/desktop';
}

/** Facts about the daemon. */
export function daemonFindings(info: DaemonInfo, { host, from }: DockerEndpoint): Finding[] {
  const daemon: Finding = {
    subject: 'daemon',
    state: 'works',
    detail: `Docker ${info.ServerVersion} on ${info.OperatingSystem}, ${host} by ${from}`,
  };
  if (Number.parseInt(info.ServerVersion, 10) < oldest)
    return [
      {
        ...daemon,
        state: 'missing',
        detail: `Docker ${info.ServerVersion} is too old`,
        remedy: `install Docker ${oldest}.10 or newer`,
      },
    ];
  if (info.OSType !== 'linux')
    return [
      {
        ...daemon,
        state: 'missing',
        detail: 'the daemon runs Windows containers',
        remedy: 'switch Docker Desktop to Linux containers',
      },
    ];
  return [daemon, limitFinding(info), ...apparmorFindings(info)];
}

function limitFinding(info: DaemonInfo): Finding {
  const subject = 'limits';
  if (info.MemoryLimit && info.PidsLimit)
    return { subject, state: 'works', detail: 'memory, processes and CPU of each sandbox, by Docker' };
  const lacking = [info.MemoryLimit ? [] : ['memory'], info.PidsLimit ? [] : ['processes']].flat().join(' and ');
  return {
    subject,
    state: 'limited',
    detail: `this daemon does not limit ${lacking} of containers`,
    remedy: 'use a system with cgroup v2',
  };
}

export const hasApparmor = ({ SecurityOptions }: Pick<DaemonInfo, 'SecurityOptions'>): boolean =>
  (SecurityOptions ?? []).some(option => option.includes('apparmor'));

function apparmorFindings(info: DaemonInfo): Finding[] {
  if (!hasApparmor(info)) return [];
  const detail =
    'sandboxes run without an AppArmor profile: docker-default lets nobody make namespaces; seccomp and dropped capabilities hold';
  return [{ subject: 'AppArmor', state: 'works', detail }];
}

/** The AppArmor profile for a sandbox's container; undefined where the daemon has none. */
export async function apparmorProfile(docker: Docker): Promise<string | undefined> {
  return hasApparmor(await daemonInfo(docker)) ? 'unconfined' : undefined;
}

export const imageFinding = (image: string): Finding => ({ subject: 'image', state: 'works', detail: image });

/** What a Docker daemon can do for sandboxes. */
import type Docker from 'dockerode';
import { within } from '../../docker/daemon-error.ts';
import { DockerContextError, type DockerEndpoint } from '../../docker/endpoint.ts';
import type { Finding } from '../provider.ts';

/** What of `docker info` matters here. */
export interface DaemonInfo {
  ServerVersion: string;
  OSType: string;
  OperatingSystem: string;
  Architecture: string;
  KernelVersion: string;
  SecurityOptions: string[];
  MemTotal: number;
  MemoryLimit: boolean;
  PidsLimit: boolean;
}

const oldest = 20;
const infoMs = 20_000;

/** `docker info`. @throws DaemonError */
export const daemonInfo = (docker: Docker): Promise<DaemonInfo> =>
  within('for its state', infoMs, abortSignal =>
    // The library's types know of no options here, the library does.
    (docker as unknown as { info(options: { abortSignal: AbortSignal }): Promise<DaemonInfo> }).info({ abortSignal }),
  );

/** Why no daemon answers, and what mends it. */
export function unreachable(error: Error): Finding {
  const subject = 'daemon';
  if (error instanceof DockerContextError)
    return { subject, state: 'missing', detail: error.message, remedy: error.remedy };
  const { code } = error as { code?: string };
  if (code === 'EACCES')
    return {
      subject,
      state: 'missing',
      detail: 'this user may not speak to the Docker daemon',
      remedy: 'sudo usermod -aG docker $USER, then log in again',
    };
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return { subject, state: 'missing', detail: 'no Docker daemon answers', remedy: startLine() };
  return { subject, state: 'missing', detail: error.message, remedy: startLine() };
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
  return [daemon, limitFinding(info)];
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

export const imageFinding = (image: string): Finding => ({ subject: 'image', state: 'works', detail: image });

/** What the trial sandbox showed. */
export function trialFinding(
  trial: { works: boolean; said: string; ms: number },
  profile: string | undefined,
): Finding {
  const subject = 'trial';
  if (trial.works) return { subject, state: 'works', detail: `a sandbox ran and was removed in ${trial.ms} ms` };
  const detail = `a sandbox does not run in a container here: ${trial.said}`;
  const refused = /permission denied|not permitted|apparmor/i.test(trial.said);
  if (refused && profile !== undefined)
    return {
      subject,
      state: 'missing',
      detail,
      remedy: "dmesg | grep apparmor, on the daemon's machine, tells what was refused",
    };
  if (refused)
    return {
      subject,
      state: 'missing',
      detail,
      remedy:
        "let the daemon's machine make user namespaces: user.max_user_namespaces above 0, no no-new-privileges in daemon.json",
    };
  return { subject, state: 'missing', detail, remedy: 'see the message' };
}

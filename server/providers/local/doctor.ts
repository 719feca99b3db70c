/** What this machine can do for sandboxes: facts, each with the line that mends it, and a real trial. */
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Finding } from '../provider.ts';
import type { LimitSupport } from './box.ts';
import { findProgram, installLine } from './packages.ts';

const needed = ['crun', 'unshare', 'setpriv', 'mount', 'tar', 'bash'];
const neededByPlainUser = ['newuidmap', 'newgidmap'];
/** What the lessons use in the sandbox, from the system's /usr. */
const ofLessons = ['curl', 'ip', 'iptables'];

const isRoot = (): boolean => process.getuid?.() === 0;
const sudo = (): string => (isRoot() ? '' : 'sudo ');
const setting = (path: string): string | undefined =>
  existsSync(`/proc/sys/${path}`) ? readFileSync(`/proc/sys/${path}`, 'utf8').trim() : undefined;

/** Sets a kernel setting now and after the next start. */
const keepSetting = (name: string, value: string | number): string =>
  `echo '${name} = ${value}' | ${sudo()}tee -a /etc/sysctl.d/60-unicorn.conf && ${sudo()}sysctl --system`;

/** Sandboxes are made of Linux: what to do elsewhere. Undefined on Linux. */
export function otherSystem(platform: NodeJS.Platform): Finding | undefined {
  if (platform === 'linux') return undefined;
  const remedies: Partial<Record<NodeJS.Platform, [string, string]>> = {
    darwin: [
      'macOS',
      'run Unicorn in a Linux machine of its own, such as one of Lima, Multipass or a Docker container',
    ],
    win32: ['Windows', 'wsl --install, then run Unicorn in the Ubuntu that it gives you'],
  };
  const [name, remedy] = remedies[platform] ?? [platform, 'run Unicorn in a Linux machine'];
  return {
    subject: 'system',
    state: 'missing',
    detail: `sandboxes on this machine itself need Linux, and this is ${name}`,
    remedy,
  };
}

export function programFindings(): Finding[] {
  const wanted = [...needed, ...(isRoot() ? [] : neededByPlainUser)];
  const missing = wanted.filter(name => !findProgram(name));
  const programs: Finding =
    missing.length === 0
      ? { subject: 'programs', state: 'works', detail: `${wanted.join(', ')} are here` }
      : {
          subject: 'programs',
          state: 'missing',
          detail: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed`,
          remedy: installLine(missing),
        };
  const absent = ofLessons.filter(name => !findProgram(name));
  if (absent.length === 0) return [programs];
  const detail = `lessons use ${absent.join(', ')}, not installed here`;
  return [programs, { subject: 'lessons', state: 'limited', detail, remedy: installLine(absent) }];
}

/** Whether the kernel lets this user make user namespaces. */
export function namespaceFinding(): Finding | undefined {
  const subject = 'user namespaces';
  const most = setting('user/max_user_namespaces');
  if (most === undefined)
    return { subject, state: 'missing', detail: 'this kernel has none', remedy: 'use a kernel with CONFIG_USER_NS' };
  if (Number(most) < 8)
    return {
      subject,
      state: 'missing',
      detail: `user.max_user_namespaces is ${most}`,
      remedy: keepSetting('user.max_user_namespaces', 10000),
    };
  if (!isRoot() && setting('kernel/unprivileged_userns_clone') === '0')
    return {
      subject,
      state: 'missing',
      detail: 'only root may make them here (kernel.unprivileged_userns_clone is 0)',
      remedy: keepSetting('kernel.unprivileged_userns_clone', 1),
    };
  if (!isRoot() && setting('kernel/apparmor_restrict_unprivileged_userns') === '1') return restricted('');
  return undefined;
}

/** Ubuntu 24.04 and later. */
const restricted = (said: string): Finding => ({
  subject: 'user namespaces',
  state: 'missing',
  detail: `AppArmor strips user namespaces of their rights here (kernel.apparmor_restrict_unprivileged_userns is 1)${said}`,
  remedy: keepSetting('kernel.apparmor_restrict_unprivileged_userns', 0),
});

/** What is seen at a glance, without trying anything. */
export function firstFindings(): Finding[] {
  const foreign = otherSystem(process.platform);
  if (foreign) return [foreign];
  return [...programFindings(), namespaceFinding()].filter(finding => finding !== undefined);
}

export function idFinding(ranges: number): Finding {
  const subject = 'user ids';
  if (ranges > 0) return { subject, state: 'works', detail: `ranges of 2048 for ${ranges} sandboxes` };
  const { username } = userInfo();
  return {
    subject,
    state: 'missing',
    detail: `/etc/subuid and /etc/subgid give ${username} no range of 2048 ids that nobody else has`,
    remedy: `sudo usermod --add-subuids 1000000000-1000065535 --add-subgids 1000000000-1000065535 ${username}`,
  };
}

export function limitFinding(limits: LimitSupport): Finding {
  const subject = 'limits';
  if (limits.kind !== 'none')
    return { subject, state: 'works', detail: `memory, processes and CPU of each sandbox, by ${limits.detail}` };
  const detail = `no limits on memory, processes and CPU, so one learner only: ${limits.detail}`;
  return { subject, state: 'limited', detail, remedy: limitRemedy() };
}

function limitRemedy(): string {
  if (isRoot()) return 'run Unicorn where it may make cgroups: outside of a container, or with its cgroups writable';
  if (!existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'start Unicorn as root, or use a system with cgroup v2';
  const { username, uid } = userInfo();
  const folder = `/run/user/${uid}`;
  if (!existsSync(folder)) return `sudo loginctl enable-linger ${username}, then export XDG_RUNTIME_DIR=${folder}`;
  if (!existsSync(`${folder}/bus`)) return `${installLine(['dbus-user-session'])}, then log in again`;
  return process.env.XDG_RUNTIME_DIR === folder
    ? 'start Unicorn from a login session of this user'
    : `export XDG_RUNTIME_DIR=${folder}, then start again`;
}

const inContainer = (): boolean =>
  existsSync('/.dockerenv') || existsSync('/run/.containerenv') || Boolean(process.env.container);

/** What the trial sandbox showed, with the likely remedy where it did not run. */
export function trialFinding(trial: { works: boolean; said: string; ms: number }): Finding {
  const subject = 'trial';
  if (trial.works) return { subject, state: 'works', detail: `a sandbox ran and was removed in ${trial.ms} ms` };
  const refused = /unshare|user namespace|newuidmap|Operation not permitted|Permission denied|clone/i.test(trial.said);
  const detail = `a sandbox does not run here: ${trial.said}`;
  if (/in time$/.test(trial.said))
    return {
      subject,
      state: 'missing',
      detail,
      remedy: 'this machine is slow or very busy: it is tried again whenever a sandbox is to start',
    };
  if (refused && setting('kernel/apparmor_restrict_unprivileged_userns') === '1') return restricted(`: ${detail}`);
  if (refused && inContainer())
    return {
      subject,
      state: 'missing',
      detail: `${detail} (this container may not make namespaces)`,
      remedy:
        'run Unicorn outside of the container, or start that with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined',
    };
  return { subject, state: 'missing', detail, remedy: 'see the message; crun and the kernel may be too old' };
}

/** Where homes are, and what holds for them. */
export const homeFinding = (folder: string): Finding => ({
  subject: 'homes',
  state: 'works',
  detail: `held in memory with a size limit, saved to ${folder} every 10 s and at the end: a power cut may cost the last 10 s`,
});

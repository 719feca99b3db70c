/** The OCI specifications of a box and of the world in it, as crun reads them. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { folderBytes } from './limits.ts';
import { seccomp } from './seccomp.ts';
import {
  agentFlags,
  agentVariables,
  allocatorVariables,
  type BoxLimits,
  boxPaths,
  cacheVariables,
  crun,
  type OciProcess,
  worldName,
  worldOffset,
  worldPaths,
} from './specification.ts';

/** Ids of a box: 0 to 2046, and nobody. */
export const boxIds = 2048;
const nobody = 65534;
const worldIds = 2045;

interface Mount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}
interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

const names = `CHOWN DAC_OVERRIDE FOWNER KILL MKNOD NET_ADMIN NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT
  SYS_PTRACE SYS_RESOURCE`;
const capabilities = names.split(/\s+/).map(name => `CAP_${name}`);

const folder = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', 'nosuid', 'nodev', ...options],
});
const memoryFolder = (destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', ...options],
});

/** Folders of the host's root that hold its programs: links into /usr on most systems, folders of their own on some. */
export const programFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'] as const;

/** Where the host's program folder points, or undefined where it is a folder of its own or not there. */
export function programLink(name: string): string | undefined {
  const path = `/${name}`;
  return existsSync(path) && lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
}

/** The system's programs, read-only. */
function programMounts(): Mount[] {
  const own = programFolders.filter(name => existsSync(`/${name}`) && programLink(name) === undefined);
  return ['usr', ...own].map(name => folder(`/${name}`, `/${name}`, 'ro'));
}

function kernelMounts(): Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    memoryFolder('/sys/fs/cgroup', 'size=64k', 'mode=755', 'ro'),
    memoryFolder('/dev', 'noexec', 'size=64k', 'mode=755'),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    memoryFolder('/dev/shm', 'noexec', 'nodev', 'size=8m', 'mode=1777'),
  ];
}

const namespaces = ['user', 'pid', 'ipc', 'uts', 'mount', 'network'].map(type => ({ type }));

function rootProcess(args: string[], env: string[], rlimits: NonNullable<OciProcess['rlimits']>): OciProcess {
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  return {
    terminal: false,
    user: { uid: 0, gid: 0, umask: 0o022 },
    args,
    env,
    cwd: '/',
    capabilities: { ...sets, inheritable: capabilities, ambient: [] },
    rlimits,
    noNewPrivileges: true,
  };
}

/**
 * The limits of a box that hold for each process, none above what this process itself may have.
 * @param grouped whether control groups limit the number of processes too: they are to be met first, since they tell that they were
 */
export function processLimits(
  limits: BoxLimits,
  ceiling: (type: string) => number,
  grouped: boolean,
): NonNullable<OciProcess['rlimits']> {
  const wanted: [string, number][] = [
    ['RLIMIT_NOFILE', limits.openFiles],
    ['RLIMIT_FSIZE', folderBytes(limits)],
    // For each user of the sandbox; where there are no cgroups, this is what stops a fork bomb.
    ['RLIMIT_NPROC', grouped ? 2 * limits.processes : limits.processes],
    ['RLIMIT_CORE', 0],
  ];
  return wanted.map(([type, value]) => {
    const most = Math.min(value, ceiling(type));
    return { type, soft: most, hard: most };
  });
}

const path = `PATH=${worldPaths.path}`;

export interface BoxPlan {
  id: string;
  /** Where the keeper puts the sandbox's folders together: `runtime`, `box`, `events`, `home`. */
  base: string;
  /** The first id of the box's range in the user namespace that crun is started in. */
  ids: { first: number; nobody: number };
  limits: BoxLimits;
  orphanTimeoutSeconds: number;
  /** Instead of the agent, a world that says `trialWord` on standard error and ends. */
  trial?: boolean;
  rlimits: NonNullable<OciProcess['rlimits']>;
}

/** What a trial's world says when it works. */
export const trialWord = 'unicorn-trial-works';
const trialWorld = `echo 0 > /proc/sys/user/max_user_namespaces && echo ${trialWord} >&2`;
const trialBox = [boxPaths.limited, ...crun, 'run', '--no-new-keyring', '-b', boxPaths.worldBundle, worldName];

// Pid 1 reaps what the world leaves behind, and ends with the agent.
const boxInit = '"$@" & wait "$!"';

/** The agent's level. */
export function boxConfiguration(plan: BoxPlan): object {
  const { base } = plan;
  const mapping: IdMapping[] = [
    { containerID: 0, hostID: plan.ids.first, size: boxIds - 1 },
    { containerID: nobody, hostID: plan.ids.nobody, size: 1 },
  ];
  const env = [
    path,
    'LANG=C.UTF-8',
    'HOME=/run',
    'XDG_RUNTIME_DIR=/run',
    ...cacheVariables,
    `${agentVariables.sandbox}=${plan.id}`,
    `${agentVariables.listenDescriptor}=3`,
    `${agentVariables.worldBundle}=${boxPaths.worldBundle}`,
    `${agentVariables.crunRoot}=${boxPaths.crunRoot}`,
    `${agentVariables.orphanTimeout}=${plan.orphanTimeoutSeconds}`,
    ...allocatorVariables,
  ];
  const child = plan.trial ? trialBox : [boxPaths.node, ...agentFlags, boxPaths.agent];
  return {
    ociVersion: '1.0.2',
    hostname: 'box',
    root: { path: `${base}/runtime/root/box`, readonly: true },
    process: rootProcess(['/bin/sh', '-c', boxInit, 'box', ...child], env, plan.rlimits),
    mounts: [
      ...programMounts(),
      folder(`${base}/runtime/etc`, '/etc', 'ro'),
      folder(`${base}/runtime`, boxPaths.runtime, 'ro'),
      folder(`${base}/box/world`, boxPaths.worldBundle, 'ro'),
      folder(`${base}/events`, boxPaths.events),
      folder(`${base}/home`, boxPaths.home),
      ...kernelMounts(),
      memoryFolder('/tmp', 'nodev', 'size=16m', 'mode=1777'),
      memoryFolder('/run', 'nodev', 'size=16m', 'mode=755'),
    ],
    linux: {
      namespaces,
      uidMappings: mapping,
      gidMappings: mapping,
      seccomp,
      maskedPaths: [],
      readonlyPaths: [],
    },
  };
}

// No user namespaces below the world, for nobody: that is where a kernel's bugs are met. Then reap for ever.
const worldInit = 'echo 0 > /proc/sys/user/max_user_namespaces; while :; do sleep 2147483647 & wait "$!"; done';

const newUserNamespace = 0x10000000;
/** The same once more by system calls, for what starts before the world's pid 1 has said it. (clone3 is not there in a box.) */
const worldSeccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: seccomp.architectures,
  syscalls: [
    {
      names: ['unshare', 'clone'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 1,
      args: [{ index: 0, value: newUserNamespace, valueTwo: newUserNamespace, op: 'SCMP_CMP_MASKED_EQ' }],
    },
  ],
};

/** The learner's level, in a child user namespace that has no id for the agent. */
export function worldConfiguration(plan: BoxPlan): object {
  const mapping: IdMapping[] = [{ containerID: 0, hostID: worldOffset, size: worldIds }];
  // `limited` has lowered this one, and it may not be raised again.
  const inherited = plan.rlimits.filter(({ type }) => type !== 'RLIMIT_NPROC');
  return {
    ociVersion: '1.0.2',
    hostname: 'unicorn',
    root: { path: `${boxPaths.runtime}/root/${worldName}`, readonly: true },
    process: rootProcess(['/bin/sh', '-c', plan.trial ? trialWorld : worldInit], [path], inherited),
    mounts: [
      ...programMounts(),
      folder('/etc', '/etc', 'ro'),
      folder(boxPaths.runtime, boxPaths.runtime, 'ro'),
      folder(boxPaths.home, worldPaths.home),
      ...kernelMounts(),
      memoryFolder('/tmp', 'nodev', `size=${folderBytes(plan.limits)}`, 'nr_inodes=16k', 'mode=1777'),
      memoryFolder('/run', 'nodev', 'size=4m', 'mode=755'),
      folder(boxPaths.events, '/run/unicorn', 'ro'),
    ],
    linux: {
      namespaces: [...namespaces, { type: 'cgroup' }],
      uidMappings: mapping,
      gidMappings: mapping,
      seccomp: worldSeccomp,
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: [],
    },
  };
}

/** What Docker is told of a sandbox's container. */
import type { ContainerCreateOptions } from 'dockerode';
import type { SandboxRequest } from '../provider.ts';
import { boxRequest, imagePaths, ownMemory, ownProcesses } from '../sandbox-image.ts';

type HostConfig = NonNullable<ContainerCreateOptions['HostConfig']>;

/** Labels by which a server knows its own; nothing without them is ever touched. */
export const labels = {
  /** Whose it is: `ownerOf` the data folder. */
  owner: 'unicorn.owner',
  /** Not on a trial's container. */
  sandbox: 'unicorn.sandbox',
  home: 'unicorn.home',
} as const;

const user = '1000:1000';
const cpuPeriodUs = 100_000;

export interface ContainerPlan {
  owner: string;
  image: string;
  /** The profile of images/dist/seccomp.json. */
  seccomp: string;
  /** The name of an AppArmor profile, `unconfined`, or undefined where the daemon has no AppArmor. */
  apparmor: string | undefined;
  /** A trial leaves no home. */
  method: 'create' | 'trial';
}

/** Names may have `[a-zA-Z0-9_.-]`; ids are `[a-z0-9]`. */
export const containerName = (owner: string, id: string): string => `unicorn-${owner}-${id}`;
export const volumeName = (owner: string, home: string): string => `unicorn-${owner}-home-${home}`;

/**
 * A container in which a user without rights makes a sandbox: no root, no network, all capabilities dropped but the two by which newuidmap and
 * newgidmap map ids, /proc whole (the kernel shows a fresh one inside only then), the root read-only.
 */
export function containerOptions(request: SandboxRequest, plan: ContainerPlan): ContainerCreateOptions {
  const { id, home, limits } = request;
  const { owner } = plan;
  const memory = limits.memoryBytes + ownMemory;
  const ofUser = 'uid=1000,gid=1000,nosuid,nodev';
  const kept = { Type: 'volume', Source: volumeName(owner, home), Target: imagePaths.kept } as const;
  return {
    name: containerName(owner, id),
    Image: plan.image,
    Hostname: 'sandbox',
    User: user,
    Env: [`UNICORN_REQUEST=${boxRequest(request, plan.method)}`],
    Labels: {
      [labels.owner]: owner,
      ...(plan.method === 'trial' ? {} : { [labels.sandbox]: id, [labels.home]: home }),
    },
    AttachStdout: true,
    AttachStderr: true,
    StopTimeout: 15,
    HostConfig: {
      // Not AutoRemove: a daemon that restarts with live-restore kills what has it.
      NetworkMode: 'none',
      IpcMode: 'private',
      ...ownCgroups,
      CapDrop: ['ALL'],
      CapAdd: ['SETUID', 'SETGID'],
      SecurityOpt: [`seccomp=${plan.seccomp}`, ...(plan.apparmor === undefined ? [] : [`apparmor=${plan.apparmor}`])],
      MaskedPaths: [],
      ReadonlyPaths: [],
      ReadonlyRootfs: true,
      Tmpfs: {
        [imagePaths.run]: `${ofUser},size=8m,mode=711`,
        '/tmp': `${ofUser},size=8m,mode=700`,
        ...(plan.method === 'trial' ? { [imagePaths.kept]: `${ofUser},size=8m,mode=700` } : {}),
      },
      ...(plan.method === 'trial' ? {} : { Mounts: [{ ...kept, VolumeOptions: volumeOptions(owner, home) }] }),
      Memory: memory,
      MemorySwap: memory,
      PidsLimit: limits.processes + ownProcesses,
      // Not NanoCpus, which a daemon with fewer processors refuses.
      CpuPeriod: cpuPeriodUs,
      CpuQuota: Math.max(1000, Math.round(limits.cpus * cpuPeriodUs)),
      Ulimits: [
        { Name: 'nofile', Soft: limits.openFiles, Hard: limits.openFiles },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
    },
  };
}

/** Known to Docker since 20.10, not to the library's types. */
const ownCgroups = { CgroupnsMode: 'private' } as HostConfig;

const volumeOptions = (owner: string, home: string) => ({
  NoCopy: false,
  Labels: { [labels.owner]: owner, [labels.home]: home },
  DriverConfig: {} as { Name: string; Options: Record<string, string> },
});

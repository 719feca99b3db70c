/**
 * What the box program takes, and what it promises to the agent that runs in the box.
 *
 * The box's pid 1 is a small shell that reaps, its one child the agent: `node /opt/unicorn/agent/agent.cjs`, as the box's root with the box's
 * capabilities. The agent starts the world (`worldCommand`), and everything in it (`execProcess`, `execCommand`).
 */

/** One line of JSON on the box program's standard input asks for one sandbox. */
export interface BoxSpecification {
  /** `[a-z0-9]{8,40}`, unique on the machine. */
  id: string;
  /** A folder of the caller's for this sandbox alone: it holds the agent's socket and all that the keeper notes. The keeper removes it at the end. */
  runFolder: string;
  /** The runtime folder (`prepareRuntime`): seen as /opt/unicorn in box and world. */
  runtime: string;
  /** The file that keeps the learner's home between sandboxes, a tar archive; made when it is not there. */
  homeFile: string;
  limits: BoxLimits;
  /** How long the agent waits for a server before it ends the sandbox. */
  orphanTimeoutSeconds: number;
  /** The keeper holds the box program's standard output open as long as it lives: for a caller who waits for the end by it. */
  holdOutput?: boolean;
}

export interface BoxLimits {
  memoryBytes: number;
  processes: number;
  /** Bytes of home and /tmp each; at most a quarter of the world's memory, since they are held in it. */
  diskBytes: number;
  /** 1 is one core. */
  cpus: number;
  openFiles: number;
}

/** The agent's environment. */
export const agentVariables = {
  /** The sandbox's id, told in the Hello. */
  sandbox: 'UNICORN_SANDBOX',
  /** The inherited listening unix socket on which servers connect; the path of it is not in the box. */
  listenDescriptor: 'UNICORN_LISTEN_FD',
  /** Folder with the config.json of the world. */
  worldBundle: 'UNICORN_WORLD_BUNDLE',
  /** Where crun keeps its state in the box. */
  crunRoot: 'UNICORN_CRUN_ROOT',
  /** Seconds without any connection after which the agent ends. */
  orphanTimeout: 'UNICORN_ORPHAN_TIMEOUT',
} as const;

/** Paths in the box, where the agent lives. */
export const boxPaths = {
  runtime: '/opt/unicorn',
  agent: '/opt/unicorn/agent/agent.cjs',
  /**
   * The one native file that the agent loads, by this path: a copy of @koromix/koffi-linux-ARCH's linux_ARCH/koffi.node (ioctl on ptys, descriptors
   * passed by crun, openat2, setns). No node_modules are needed.
   */
  koffi: '/opt/unicorn/agent/koffi.node',
  /** The bundles that `replay` runs in a scratch network. */
  proxy: '/opt/unicorn/lib/proxy.cjs',
  httpbin: '/opt/unicorn/lib/httpbin.cjs',
  node: '/opt/unicorn/bin/node',
  /** Runs its arguments within the limits of the world, which leave the agent room: everything of the learner's is started by it. */
  limited: '/opt/unicorn/bin/limited',
  /** Runs its arguments but the first, then waits until the process named in that file waits for a child of its own. */
  whenReady: '/opt/unicorn/bin/when-ready',
  worldBundle: '/unicorn/world',
  /** Writable for the agent alone; the world sees it read-only as /run/unicorn. The agent listens on `events.sock` in it (mode 0666). */
  events: '/unicorn/events',
  /** The learner's home, a tmpfs of limited size; /home/learner in the world. Owned by 1001 (the world's 1000) as the box counts. */
  home: '/unicorn/home',
  crunRoot: '/run/crun',
} as const;

/** How node runs the agent: little room for garbage, no threads of V8's own. Halves what it keeps after a flood of output (39 to 20 MB private). */
export const agentFlags = [
  '--max-semi-space-size=1',
  '--single-threaded',
  '--max-old-space-size=96',
  '--expose-gc',
  '--no-sparkplug',
  '--no-maglev',
  '--optimize-for-size',
] as const;

/**
 * How node runs what the learner starts, proxy and httpbin: as little memory as goes, since speed is not what they are started for. Measured after 50
 * requests: proxy 18.0 to 15.3 MB private, httpbin 13.8 to 11.6; once they rest, with a collection, 11.2 and 9.7. (One regular expression of Node's
 * own, for addresses, is 160 kB when compiled.)
 */
export const programFlags = [
  '--max-semi-space-size=1',
  '--single-threaded',
  '--expose-gc',
  '--regexp-interpret-all',
  '--no-sparkplug',
  '--no-maglev',
  '--optimize-for-size',
] as const;

/** For every node in the sandbox: one malloc arena, which gives back what is free. */
export const allocatorVariables = ['MALLOC_ARENA_MAX=1', 'MALLOC_TRIM_THRESHOLD_=65536'] as const;

/** For every node in the sandbox: the compiled form of its program, made with the runtime folder. */
export const cacheVariables = [
  `NODE_COMPILE_CACHE=${boxPaths.runtime}/cache`,
  'NODE_COMPILE_CACHE_PORTABLE=1',
] as const;

/** Paths in the world, where the learner lives. */
export const worldPaths = {
  home: '/home/learner',
  eventsSocket: '/run/unicorn/events.sock',
  path: '/opt/unicorn/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
} as const;

/** The world's id n is n + worldOffset in the box; the box's 0, the agent, has no id in the world. */
export const worldOffset = 1;

/** Users of the world. */
export const worldUsers = { root: 0, learner: 1000, checker: 1100, sidecar: 1337 } as const;

export const worldName = 'world';

/** crun as it is called in the box: it sets no limits, they are set. */
export const crun = ['crun', '--root', boxPaths.crunRoot, '--cgroup-manager=disabled'];

/** Starts the world, whose pid 1 reaps and waits. Returns when that has said its limits and programs may be run in it. */
export function worldCommand(pidFile: string): string[] {
  return [
    ...[boxPaths.whenReady, pidFile, boxPaths.limited, ...crun, 'run', '--detach', '--no-new-keyring'],
    ...['--pid-file', pidFile, '-b', boxPaths.worldBundle, worldName],
  ];
}

/** Runs the process in `processFile` (the JSON of `execProcess`) in the world; its stdio is crun's, its exit status too. */
export function execCommand(processFile: string): string[] {
  return [boxPaths.limited, ...crun, 'exec', '--process', processFile, worldName];
}

/** Removes the world and all that runs in it; a new one may be started then. */
export function removeWorldCommand(): string[] {
  return [...crun, 'delete', '--force', worldName];
}

export interface ExecOptions {
  user: keyof typeof worldUsers;
  directory?: string;
  environment?: Record<string, string>;
  terminal?: boolean;
}

/** The OCI process of something that runs in the world: no capabilities, no new privileges, a fixed PATH. */
export function execProcess(args: string[], options: ExecOptions): OciProcess {
  const id = worldUsers[options.user];
  const environment = { ...worldEnvironment(options.user), ...options.environment };
  return {
    terminal: options.terminal ?? false,
    user: { uid: id, gid: id, umask: 0o022 },
    args,
    env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    cwd: options.directory ?? (options.user === 'learner' ? worldPaths.home : '/'),
    capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
    noNewPrivileges: true,
  };
}

function worldEnvironment(user: keyof typeof worldUsers): Record<string, string> {
  return {
    PATH: worldPaths.path,
    HOME: user === 'learner' ? worldPaths.home : '/tmp',
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    PROXY_EVENTS: worldPaths.eventsSocket,
    // The live picture tells what decided each request.
    PROXY_EXPLAIN: 'all',
  };
}

export interface OciProcess {
  terminal: boolean;
  user: { uid: number; gid: number; umask?: number };
  args: string[];
  env: string[];
  cwd: string;
  capabilities: Record<'bounding' | 'effective' | 'permitted' | 'inheritable' | 'ambient', string[]>;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges: boolean;
}

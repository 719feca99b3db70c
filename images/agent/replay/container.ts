/** The place where a replay runs: a container like the learner's world, with a network, a home and a /tmp of its own, and nothing of the learner's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { boxPaths, worldPaths, worldUsers } from '../../box/specification.ts';

interface Mount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}
interface Configuration {
  process: { args: string[]; env: string[] };
  mounts: Mount[];
}

export interface Address {
  address: string;
  port: number;
}

/** A program that requests may reach. */
export interface Upstream extends Address {
  program?: 'httpbin' | 'greeter';
}

/** What runs in it. */
export interface Programs {
  /** Configurations, one for each proxy. */
  proxies: string[];
  /** The configuration of a rate limit service; undefined: there is none. */
  limits: string | undefined;
  upstreams: Upstream[];
}

const files = '/run/replay';
const proxyFile = (index: number): string => (index === 0 ? 'proxy.yaml' : `proxy-${index + 1}.yaml`);
const limitsFile = 'limits.yaml';
/** Begins each line that the proxy writes to its standard output, which is the access log. */
export const logMark = 'log: ';
/** The file in the home to which the proxy writes where its admin interface listens. */
export const adminAddressFile = 'admin-address';
const memory = (destination: string, size: string): Mount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', 'nodev', `size=${size}`, 'mode=1777'],
});

/**
 * Upstreams write to standard output, the proxy to standard error, each as a user of its own: so a proxy's access log, whatever its format, cannot
 * pass for what arrived. The proxy's output is a pipe of its user's, so that it can open /dev/stdout.
 */
function script({ proxies, limits, upstreams }: Programs): string {
  const as = (id: number): string =>
    `setpriv --reuid ${id} --regid ${id} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all`;
  const started = upstreams.map(
    ({ address, port, program = 'httpbin' }) =>
      `${as(worldUsers.checker)} ${program} --host ${address} --port ${port} --name ${address}:${port} --log json &`,
  );
  const learners = proxies.map((_, index) => {
    const admin = index === 0 ? `--admin-address-path ${adminAddressFile}` : '';
    const proxy = `proxy -l info -c ${files}/${proxyFile(index)} ${admin} --file-flush-interval-msec 1`;
    return `{ { ${proxy} 2>&3; echo "the proxy ended with $?" >&3; } | sed -u "s/^/${logMark}/"; } &`;
  });
  const service = `rate-limit -c ${files}/${limitsFile} --host 127.0.0.1 --windows start`;
  if (limits !== undefined)
    learners.push(`{ ${service} >&3 2>&3; echo "the rate limit service ended with $?" >&3; } &`);
  return [
    'echo 0 > /proc/sys/user/max_user_namespaces; ip link set lo up; export NODE_OPTIONS=--max-old-space-size=64',
    ...started,
    `cd ${worldPaths.home}; exec 1>&2; ${as(worldUsers.learner)} sh -c 'cp -r ${files}/home/. .; { ${learners.join(' ')} wait; } 3>&1 | cat'`,
  ].join('\n');
}

/** The specification of the world, changed where a replay differs. */
function configuration(bundle: string, programs: Programs): Configuration {
  const own = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as Configuration;
  const replaced = new Set<string>([worldPaths.home, '/tmp', '/run/unicorn']);
  const mounts = own.mounts.filter(({ destination }) => !replaced.has(destination));
  return {
    ...own,
    process: {
      ...own.process,
      args: ['/bin/sh', '-c', script(programs)],
      env: [`PATH=${worldPaths.path}`, 'LANG=C.UTF-8', `HOME=${worldPaths.home}`],
    },
    mounts: [...mounts, memory(worldPaths.home, '8m'), memory('/tmp', '8m')],
  };
}

export interface Container {
  child: ChildProcess;
  /** Its first process, as the box counts; there once crun has started it. */
  pid(): number | undefined;
  remove(): void;
}

let made = 0;

/** Starts the container with its programs, and with `homeFiles` in its home. */
export function startContainer(programs: Programs, homeFiles: { path: string; content: string }[] = []): Container {
  const name = `replay-${++made}`;
  const folder = `/run/${name}`;
  const pidFile = join(folder, 'pid');
  mkdirSync(join(folder, 'files/home'), { recursive: true, mode: 0o755 });
  for (const [index, one] of programs.proxies.entries()) writeFileSync(join(folder, 'files', proxyFile(index)), one);
  if (programs.limits !== undefined) writeFileSync(join(folder, 'files', limitsFile), programs.limits);
  for (const { path, content } of homeFiles) writeHomeFile(join(folder, 'files/home', path), content);
  const bundle = process.env.UNICORN_WORLD_BUNDLE ?? boxPaths.worldBundle;
  const specification = configuration(bundle, programs);
  const source = join(folder, 'files');
  specification.mounts.push({ destination: files, type: 'bind', source, options: ['bind', 'ro', 'nosuid', 'nodev'] });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(specification));
  const crun = ['crun', '--root', process.env.UNICORN_CRUN_ROOT ?? boxPaths.crunRoot, '--cgroup-manager=disabled'];
  const flags = ['run', '--no-new-keyring', '--pid-file', pidFile, '-b', folder, name];
  const child = spawn(boxPaths.limited, [...crun, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = (): number | undefined => readPid(pidFile);
  return { child, pid, remove: () => remove(child, pid(), folder) };
}

function writeHomeFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content);
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/** Its first process takes all others with it; crun then removes the container. */
function remove(child: ChildProcess, pid: number | undefined, folder: string): void {
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  if (child.exitCode !== null || child.signalCode !== null) clean();
  else child.once('exit', clean);
  try {
    if (pid === undefined) child.kill('SIGKILL');
    else process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** For tests: a proxy with several workers, as a program, and clients that come by many connections. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type IncomingHttpHeaders, type RequestListener, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const program = join(import.meta.dirname, '../main.ts');
const extensions = 'type.googleapis.com/envoy.extensions.filters';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own. */
export async function ask(port: number, path: string, method = 'GET'): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: new Agent() });
  asked.end();
  const [answer] = await once(asked, 'response');
  let body = '';
  for await (const chunk of answer) body += String(chunk);
  asked.destroy();
  return { status: answer.statusCode, headers: answer.headers, body };
}

/** So many requests one after the other, each on a connection of its own. */
export async function askOften(port: number, path: string, times: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < times; i++) answers.push(await ask(port, path));
  return answers;
}

/** How often each status was answered. */
export function statusesOf(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** An upstream for the length of a test; its port. */
export async function upstream(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export class RunningProxy {
  readonly folder: string;
  readonly process: ChildProcess;
  readonly exited: Promise<unknown[]>;
  #adminPort = 0;

  private constructor(folder: string, args: readonly string[]) {
    this.folder = folder;
    const all = ['-c', join(folder, 'proxy.json'), '--admin-address-path', join(folder, 'admin'), '-l', 'warning'];
    this.process = spawn(process.execPath, [program, ...all, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.exited = once(this.process, 'exit');
  }

  /** @param configure makes the bootstrap for a folder of the test's own, where it may write files */
  static async start(t: TestContext, configure: (folder: string) => object, ...args: string[]): Promise<RunningProxy> {
    const folder = mkdtempSync(join(tmpdir(), 'workers-'));
    const admin = { address: address(0) };
    writeFileSync(
      join(folder, 'proxy.json'),
      JSON.stringify({ admin, node: { id: 'a', cluster: 'b' }, ...configure(folder) }),
    );
    const proxy = new RunningProxy(folder, args);
    t.after(async () => {
      proxy.process.kill('SIGKILL');
      await proxy.exited;
      rmSync(folder, { recursive: true });
    });
    await proxy.#live();
    return proxy;
  }

  async #live(): Promise<void> {
    await until(async () => {
      if (this.process.exitCode !== null) throw new Error('the proxy ended');
      try {
        this.#adminPort = Number(readFileSync(join(this.folder, 'admin'), 'utf8').split(':')[1]);
        return (await this.admin('/ready')).status === 200;
      } catch {
        return false;
      }
    });
  }

  admin(path: string, method = 'GET'): Promise<Answer> {
    return ask(this.#adminPort, path, method);
  }

  async stats(): Promise<Map<string, number>> {
    const { body } = await this.admin('/stats');
    return new Map(body.split('\n').map(line => [line.split(': ')[0]!, Number(line.split(': ')[1])]));
  }

  async port(listener: string): Promise<number> {
    const { body } = await this.admin('/listeners');
    return Number(new RegExp(`^${listener}::127.0.0.1:(\\d+)$`, 'm').exec(body)?.[1]);
  }
}

/** Asks again and again, but not for ever. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come true');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

export const address = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

export const cluster = (name: string, ports: readonly number[], more: object = {}): object => ({
  name,
  connect_timeout: '5s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map(port => ({ endpoint: { address: address(port) } })) }],
  },
  ...more,
});

/** On a free port. */
export const listener = (name: string, filters: readonly object[]): object => ({
  name,
  stat_prefix: name,
  address: address(0),
  filter_chains: [{ filters }],
});

export const filter = (type: string, more: object): object => ({
  name: type,
  typed_config: { '@type': `${extensions}.${type}`, ...more },
});

/** A connection manager that sends all to a cluster. */
export const manager = (name: string, routes: object, filters: readonly object[] = [], more: object = {}): object =>
  filter('network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    ...routes,
    http_filters: [...filters, filter('http.router.v3.Router', {})],
    ...more,
  });

export const routesTo = (name: string): object => ({
  route_config: {
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: name } }] }],
  },
});

export const two = ['--concurrency', '2'];

/** What these stats are now. */
export const of = async (proxy: RunningProxy, ...names: string[]) => {
  const stats = await proxy.stats();
  return names.map(name => stats.get(name));
};

/** How many of so many connections are refused. */
export async function refused(port: number, times: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < times; i++) {
    const socket = connect(port, '127.0.0.1');
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once('connect', () => resolve(false));
    socket.once('error', () => resolve(true));
    if (await promise) count++;
    socket.destroy();
  }
  return count;
}

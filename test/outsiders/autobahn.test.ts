/** Autobahn's cases of WebSocket, played by its client through our proxy against its own echo server. @see https://github.com/crossbario/autobahn-testsuite */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { ours, type Running, start } from '../conformance/subject.ts';

const program = findProgram('wstest', 'UNICORN_AUTOBAHN');
const skip = program === undefined && 'no Autobahn here: name its wstest by UNICORN_AUTOBAHN, or put it on the PATH';

/** What 9, 12 and 13 measure are speed and compression of the two ends, which a proxy does not see. */
const sections = {
  1: 'framing',
  2: 'pings and pongs',
  3: 'reserved bits',
  4: 'opcodes',
  5: 'fragmentation',
  6: 'UTF-8',
  7: 'closing',
  10: 'miscellaneous',
};
const minutes = 60_000;

interface Outcome {
  behavior: string;
  behaviorClose: string;
}

const configuration = (listener: number, admin: number, echo: number) => {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const route = { cluster: 'echo', host_rewrite_literal: `127.0.0.1:${echo}` };
  const manager = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'ingress',
    // Its client wants to see the connection closed at once.
    delayed_close_timeout: '0s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
  };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(echo) } }] }];
  return {
    admin: { address: address(admin) },
    static_resources: {
      listeners: [
        {
          name: 'main',
          address: address(listener),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [{ name: 'echo', connect_timeout: '1s', load_assignment: { cluster_name: 'echo', endpoints } }],
    },
  };
};

const children: ChildProcess[] = [];

function run(args: string[], cwd: string): ChildProcess {
  const child = spawn(program!, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}

async function listens(port: number): Promise<void> {
  for (const end = Date.now() + minutes; Date.now() < end; await wait(50)) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
  }
  throw new Error('the echo server did not come up');
}

describe('Autobahn through the proxy', { skip, timeout: 5 * minutes }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'autobahn-'));
  let proxy: Running | undefined;
  let outcomes: Record<string, Outcome> = {};

  before(async () => {
    const [listener = 0, admin = 0, server = 0] = await freePorts(3);
    const file = join(folder, 'proxy.json');
    writeFileSync(file, JSON.stringify(configuration(listener, admin, server)));
    run(['-m', 'echoserver', '-w', `ws://127.0.0.1:${server}`], folder);
    proxy = await start(ours, file, admin, 0);
    await listens(server);
    const spec = {
      outdir: join(folder, 'report'),
      servers: [{ agent: 'proxy', url: `ws://127.0.0.1:${listener}` }],
      cases: Object.keys(sections).map(section => `${section}.*`),
      'exclude-cases': [],
      'exclude-agent-cases': {},
    };
    writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
    await once(run(['-m', 'fuzzingclient', '-s', 'spec.json'], folder), 'exit');
    outcomes = JSON.parse(readFileSync(join(folder, 'report/index.json'), 'utf8')).proxy;
  });

  after(async () => {
    for (const child of children) await end(child);
    await proxy?.stop();
    rmSync(folder, { recursive: true });
  });

  for (const [section, name] of Object.entries(sections)) {
    it(`${section} ${name}`, () => {
      const cases = Object.entries(outcomes).filter(([id]) => id.startsWith(`${section}.`));
      assert.ok(cases.length > 0, 'no case was played');
      const good = ['OK', 'NON-STRICT', 'INFORMATIONAL'];
      const failed = cases.filter(([, one]) => !good.includes(one.behavior) || !good.includes(one.behaviorClose));
      assert.deepEqual(failed, []);
    });
  }
});

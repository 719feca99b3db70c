/** gRPC's interoperability cases, played by the client of its Go implementation through our proxy against the server of the same. @see https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { ours, type Running, start } from '../conformance/subject.ts';
import { top } from '../lint/files.ts';

const client = findProgram('grpc-interop-client', 'UNICORN_GRPC_INTEROP');
const interopServer = findProgram('grpc-interop-server', 'UNICORN_GRPC_INTEROP');
const skip =
  (client === undefined || interopServer === undefined) &&
  'no grpc-interop-client and grpc-interop-server here: name their folder by UNICORN_GRPC_INTEROP, or put them on the PATH';

/** All that need no account of a cloud; Envoy 1.40 passes them too. */
const cases = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
];

const seconds = 1000;
const tls = (name: string): string => join(top, 'test/fixtures/tls', name);

const configuration = (plain: number, secured: number, admin: number, upstream: number) => {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const type = 'type.googleapis.com/envoy.extensions';
  // The client sets deadlines of its own; streams may last.
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '0s' } }];
  const manager = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'ingress',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } }],
  };
  const filters = [{ name: 'http', typed_config: manager }];
  const certificate = {
    certificate_chain: { filename: tls('one.pem') },
    private_key: { filename: tls('one.key') },
  };
  const transport_socket = {
    name: 'tls',
    typed_config: {
      '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: { alpn_protocols: ['h2'], tls_certificates: [certificate] },
    },
  };
  const http2 = {
    '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  return {
    admin: { address: address(admin) },
    static_resources: {
      listeners: [
        { name: 'plain', address: address(plain), filter_chains: [{ filters }] },
        { name: 'secured', address: address(secured), filter_chains: [{ filters, transport_socket }] },
      ],
      clusters: [
        {
          name: 'upstream',
          typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 },
          load_assignment: {
            cluster_name: 'upstream',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
          },
        },
      ],
    },
  };
};

async function listens(port: number): Promise<void> {
  for (const end = Date.now() + 20 * seconds; Date.now() < end; await wait(50)) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
  }
  throw new Error('the server of the cases did not come up');
}

/** Plays one case; resolves with its exit status, and what it said. */
function play(name: string, port: number, more: string[]): Promise<{ status: number | null; output: string }> {
  const args = ['-server_host', '127.0.0.1', '-server_port', String(port), '-test_case', name, ...more];
  return new Promise(resolve => {
    const child = execFile(client!, args, { timeout: 30 * seconds }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, output: stdout + stderr }),
    );
  });
}

describe('gRPC interoperability through the proxy', { skip, timeout: 300 * seconds }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'grpc-interop-'));
  const ports = { plain: 0, secured: 0 };
  let server: ChildProcess | undefined;
  let proxy: Running | undefined;

  before(async () => {
    const [plain = 0, secured = 0, admin = 0, upstream = 0] = await freePorts(4);
    Object.assign(ports, { plain, secured });
    const file = join(folder, 'proxy.json');
    writeFileSync(file, JSON.stringify(configuration(plain, secured, admin, upstream)));
    server = spawn(interopServer!, ['-port', String(upstream)], { stdio: 'ignore' });
    proxy = await start(ours, file, admin, 0);
    await listens(upstream);
  });

  after(async () => {
    const ended = server && once(server, 'exit');
    server?.kill();
    await ended;
    await proxy?.stop();
    rmSync(folder, { recursive: true });
  });

  const authority = ['-use_test_ca', '-ca_file', tls('authority.pem')];
  const securely = ['-use_tls', ...authority, '-server_host_override', 'one.example'];
  for (const name of cases) {
    it(name, async () => {
      const { status, output } = await play(name, ports.plain, []);
      assert.equal(status, 0, output);
    });
    it(`${name}, by TLS`, async () => {
      const { status, output } = await play(name, ports.secured, securely);
      assert.equal(status, 0, output);
    });
  }
});

/**
 * go-control-plane's test server drives our proxy: snapshots of resources one after the other, and calls through the proxy after each.
 *
 * @see https://github.com/envoyproxy/go-control-plane/tree/main/pkg/test/main
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { ours, type Running, start } from '../conformance/subject.ts';

type Json = Record<string, unknown>;

const program = findProgram('xds-test', 'UNICORN_XDS_TEST');
const skip =
  program === undefined &&
  "no test server of go-control-plane here: name it (built from its package pkg/test/main) by UNICORN_XDS_TEST, or put it on the PATH as 'xds-test'";

/** By how resources are asked for; how many layers of the runtime the server has for it. */
const modes: [mode: string, runtimes: number][] = [
  ['ads', 2],
  ['xds', 1],
  ['rest', 1],
  ['delta', 1],
  ['delta-ads', 1],
];

const message = 'Hi, there!\n';
const seconds = 1000;
/** A snapshot is good once all calls of one batch were answered, each within 100 ms; so many batches are tried. */
const batches = 20;
const betweenBatches = '250ms';
const httpListeners = 2;
const tcpListeners = 2;

interface Ports {
  admin: number;
  /** Of the server, by gRPC and by plain HTTP. */
  grpc: number;
  gateway: number;
  /** Of its service that takes access logs. */
  logs: number;
  upstream: number;
  /** The first of those of the listeners. */
  base: number;
}

const address = (port: number): Json => ({ socket_address: { address: '127.0.0.1', port_value: port } });

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const http2 = {
  typed_extension_protocol_options: {
    [options]: { '@type': `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
  },
};

const cluster = (name: string, port: number, more: Json): Json => ({
  name,
  connect_timeout: '1s',
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  ...more,
});

/** How it asks, where it asks for each kind on its own. */
function apiOf(mode: string): Json {
  if (mode === 'rest')
    return {
      api_type: 'REST',
      transport_api_version: 'V3',
      cluster_names: ['xds_cluster'],
      refresh_delay: { nanos: 100_000_000 },
    };
  return {
    api_type: mode.startsWith('delta') ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds_cluster' } }],
    set_node_on_first_message_only: true,
  };
}

/** The clusters' names are those that the server's resources name. */
function bootstrap(mode: string, runtimes: number, { admin, grpc, gateway, logs }: Ports): Json {
  const isAggregated = mode.endsWith('ads');
  const source = { resource_api_version: 'V3', ...(isAggregated ? { ads: {} } : { api_config_source: apiOf(mode) }) };
  const layers = Array.from({ length: runtimes }, (_, i) => ({
    name: `runtime-${i}`,
    rtds_layer: { name: `runtime-${i}`, rtds_config: source },
  }));
  return {
    node: { id: 'test-id', cluster: 'test-cluster' },
    admin: { address: address(admin) },
    dynamic_resources: {
      ...(isAggregated && { ads_config: apiOf(mode) }),
      cds_config: source,
      lds_config: source,
    },
    layered_runtime: { layers },
    static_resources: {
      clusters: [
        mode === 'rest' ? cluster('xds_cluster', gateway, {}) : cluster('xds_cluster', grpc, http2),
        cluster('als_cluster', logs, http2),
      ],
    },
  };
}

/** The first of so many ports in a row that nobody uses now. */
async function freeRow(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = Array.from({ length: count }, (_, i) => createTcpServer().listen(base + i, '127.0.0.1'));
    const free = await Promise.all(
      servers.map(server =>
        once(server, 'listening').then(
          () => true,
          () => false,
        ),
      ),
    );
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
    if (free.every(one => one)) return base;
  }
  throw new Error(`no ${count} free ports in a row`);
}

interface Ended {
  status: number;
  output: string;
}

/** Runs the server to its end. */
function serve(args: string[]): Promise<Ended> {
  const limits = { timeout: 120 * seconds, maxBuffer: 64 << 20 };
  return new Promise(resolve => {
    execFile(program!, args, limits, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}

describe('the test server of go-control-plane', { skip, timeout: 600 * seconds, concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'go-control-plane-'));
  const upstream = createServer((_, response) => response.end(message));

  before(() => once(upstream.listen(0, '127.0.0.1'), 'listening'));

  after(() => {
    upstream.closeAllConnections();
    upstream.close();
    rmSync(folder, { recursive: true });
  });

  /** What the server says of a proxy that follows it. */
  async function play(mode: string, runtimes: number, tls: boolean): Promise<Ended & { proxy: string }> {
    const [admin = 0, grpc = 0, gateway = 0, logs = 0] = await freePorts(4);
    const base = await freeRow(httpListeners + tcpListeners);
    const ports = { admin, grpc, gateway, logs, base, upstream: (upstream.address() as AddressInfo).port };
    const served = serve([
      ...['-xds', mode, '-runtimes', String(runtimes), '-message', message, `-tls=${tls}`],
      ...['-port', String(grpc), '-gateway', String(gateway), '-als', String(logs)],
      ...['-upstream', String(ports.upstream), '-base', String(base)],
      ...['-http', String(httpListeners), '-tcp', String(tcpListeners), '-scopedhttp', '0', '-vhdshttp', '0'],
      ...['-r', String(batches), '-delay', betweenBatches, '-u', '2'],
    ]);
    const file = join(folder, `${mode}${tls ? '-tls' : ''}.json`);
    writeFileSync(file, JSON.stringify(bootstrap(mode, runtimes, ports)));
    let proxy: Running | undefined;
    try {
      proxy = await start(ours, file, admin, 0);
      const ended = await served;
      return { ...ended, proxy: proxy.output };
    } finally {
      await proxy?.stop();
    }
  }

  for (const [mode, runtimes] of modes)
    for (const tls of [false, true])
      it(`${mode}${tls ? ' by TLS' : ''}`, async () => {
        const { status, output, proxy } = await play(mode, runtimes, tls);
        const told = `${output.split('\n').slice(-20).join('\n')}\n--- proxy\n${proxy}`;
        assert.equal(status, 0, told);
        assert.match(output, /Test for \S+ passed!/);
        // It takes all that it is sent.
        assert.doesNotMatch(proxy, /rejected/);
      });
});

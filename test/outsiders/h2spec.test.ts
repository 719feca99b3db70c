/** h2spec's cases of HTTP/2 and HPACK, played against our proxy, which routes to a host of HTTP/1. @see https://github.com/summerwind/h2spec */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findProgram } from '../clients/programs.ts';
import { freePorts } from '../conformance/scenario.ts';
import { ours, type Running, start } from '../conformance/subject.ts';

const program = findProgram('h2spec', 'UNICORN_H2SPEC');
const skip = program === undefined && 'no h2spec here: name it by UNICORN_H2SPEC, or put it on the PATH';

/** Played at once, since most of their time is waiting; how many cases each has. All pass; Envoy 1.40 passes 135 of these 147. */
const sections: [string, number][] = [
  ['generic', 44],
  ['http2/3', 2],
  ['http2/4', 9],
  ['http2/5', 22],
  ['http2/6', 42],
  ['http2/7', 2],
  ['http2/8', 18],
  ['hpack', 8],
];

const seconds = 1000;

const configuration = (listener: number, admin: number, upstream: number) => {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'upstream' } }];
  const manager = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'ingress',
    // Left to guess, what is no preface is answered as HTTP/1.
    codec_type: 'HTTP2',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
  };
  // Cases that open as many streams as they may must not harm those that are played at the same time.
  const thresholds = [{ max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 }];
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }];
  const filter_chains = [{ filters: [{ name: 'http', typed_config: manager }] }];
  return {
    admin: { address: address(admin) },
    static_resources: {
      listeners: [{ name: 'main', address: address(listener), filter_chains }],
      clusters: [
        {
          name: 'upstream',
          circuit_breakers: { thresholds },
          load_assignment: { cluster_name: 'upstream', endpoints },
        },
      ],
    },
  };
};

interface Case {
  name: string;
  failure: string | undefined;
}

/** What h2spec says of a section's cases. */
async function play(section: string, port: number, folder: string): Promise<Case[]> {
  const report = join(folder, `${section.replace('/', '-')}.xml`);
  const args = ['--strict', '-o', '2', '-h', '127.0.0.1', '-p', String(port), '-j', report, section];
  // Its status tells only that a case failed.
  await new Promise<void>(resolve => execFile(program!, args, () => resolve()));
  const cases = readFileSync(report, 'utf8').matchAll(
    /<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs,
  );
  return [...cases].map(([, place, what, inside = '']) => ({
    name: `${place}: ${what}`,
    failure: /<(failure|error|skipped)/.test(inside) ? inside.trim() : undefined,
  }));
}

describe('h2spec against the proxy', { skip, timeout: 300 * seconds }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'h2spec-'));
  const upstream = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('a body that a window of a few bytes has to cut'));
  });
  const outcomes = new Map<string, Case[]>();
  let proxy: Running | undefined;

  before(async () => {
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    const [listener = 0, admin = 0] = await freePorts(2);
    const file = join(folder, 'proxy.json');
    writeFileSync(file, JSON.stringify(configuration(listener, admin, (upstream.address() as AddressInfo).port)));
    proxy = await start(ours, file, admin, 0);
    const played = sections.map(async ([section]) => outcomes.set(section, await play(section, listener, folder)));
    await Promise.all(played);
  });

  after(async () => {
    await proxy?.stop();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(folder, { recursive: true });
  });

  for (const [section, count] of sections) {
    it(section, () => {
      const cases = outcomes.get(section) ?? [];
      assert.equal(cases.length, count, 'cases played');
      const failed = cases.filter(({ failure }) => failure !== undefined);
      assert.deepEqual(failed, []);
    });
  }
});

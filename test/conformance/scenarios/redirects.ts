/**
 * Connections that the firewall redirects to a listener, as it does for sidecars. Played in a network namespace of its own alone:
 * rules are added that would trouble everybody else.
 */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { exchange } from '../exchange.ts';
import { accessLog, normalize, type Place, type Ports, type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { chain } from './tls.ts';

type Json = Record<string, unknown>;

const run = promisify(execFile);

/** Whoever connects from there is redirected; the proxy is not. */
const [redirected, meantPort] = ['127.0.0.7', 4711];

const logFormat =
  '%REQ(:PATH)% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %UPSTREAM_HOST% %RESPONSE_CODE% %RESPONSE_FLAGS%\n';

const ask = (
  name: string,
  path: string,
  options: (ports: Ports) => { port: number; host?: string; from?: string },
): Step => ({
  name,
  see: async ({ ports }: Place) => {
    const { port, host = '127.0.0.1', from = redirected } = options(ports);
    const open = () => connect({ port, host, localAddress: from });
    return normalize(await exchange(port, `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`, false, 3000, open));
  },
});

/** An address that nobody has: connections to it reach a transparent listener as they are. */
const away = '203.0.113.5';
const transparentPort = 4713;

/** Connections to that address come back to this machine, and go to the transparent listener. */
async function routeTransparently(): Promise<() => Promise<void>> {
  const mangle = (...rule: string[]) => run('iptables', ['-t', 'mangle', ...rule]);
  const target = ['-j', 'TPROXY', '--on-port', String(transparentPort), '--tproxy-mark', '1'];
  await run('ip', ['rule', 'add', 'fwmark', '1', 'lookup', '100']);
  await run('ip', ['route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo', 'table', '100']);
  await mangle('-A', 'OUTPUT', '-p', 'tcp', '-d', away, '-j', 'MARK', '--set-mark', '1');
  await mangle('-A', 'PREROUTING', '-p', 'tcp', '-d', away, ...target);
  return async () => {
    for (const chainName of ['OUTPUT', 'PREROUTING']) await mangle('-F', chainName);
    await run('ip', ['route', 'flush', 'table', '100']);
    await run('ip', ['rule', 'del', 'fwmark', '1', 'lookup', '100']);
  };
}

const useOriginal: Json = {
  name: 'original',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst' },
};

export const redirects: Scenario = {
  name: 'redirected connections',
  beside: async ({ listener }) => {
    const to = ['-j', 'REDIRECT', '--to-ports', String(listener)];
    await run('iptables', ['-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '-s', redirected, ...to]);
    await run('ip6tables', [
      '-t',
      'nat',
      '-A',
      'OUTPUT',
      '-p',
      'tcp',
      '-d',
      '::1',
      '--dport',
      String(meantPort),
      ...to,
    ]);
    const unroute = await routeTransparently();
    return async () => {
      for (const command of ['iptables', 'ip6tables']) await run(command, ['-t', 'nat', '-F', 'OUTPUT']);
      await unroute();
    };
  },
  config: (ports, log) => {
    const manager = (name: string): Json => ({
      access_log: [fileLog(log, logFormat)],
      route_config: {
        virtual_hosts: [
          {
            ...{ name: 'all', domains: ['*'] },
            routes: [
              { match: { prefix: '/own' }, direct_response: { status: 200, body: { inline_string: name } } },
              { match: { prefix: '/' }, route: { cluster: 'meant' } },
            ],
          },
        ],
      },
    });
    const listener = (name: string, place: Json, more: Json): Json => ({
      ...{ name, stat_prefix: name, address: place },
      filter_chains: [chain(name, undefined, {}, manager(name))],
      ...more,
    });
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          listener('outbound', address(ports.listener), { use_original_dst: true }),
          listener('six', address(ports.listener, '::1'), { listener_filters: [useOriginal] }),
          listener('transparent', address(transparentPort, '0.0.0.0'), {
            ...{ transparent: true, use_original_dst: true },
          }),
          listener('virtual', address(meantPort, '0.0.0.0'), { bind_to_port: false }),
        ],
        clusters: [
          { ...cluster('meant', []), load_assignment: undefined, type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' },
        ],
      },
    };
  },
  steps: [
    ask('to an upstream', '/echo', ({ raw: port }) => ({ port })),
    ask('to nobody', '/echo', ({ nobody: port }) => ({ port })),
    ask('to a listener that does not listen', '/own', () => ({ port: meantPort })),
    ask('not redirected', '/own', ({ listener: port }) => ({ port, from: '127.0.0.1' })),
    ask('by IPv6', '/own', () => ({ port: meantPort, host: '::1', from: '::1' })),
    ask('as it is, to a listener that is not there', '/own', () => ({ port: 4712, host: away, from: '127.0.0.1' })),
    ask('as it is, to one that does not listen', '/own', () => ({ port: meantPort, host: away, from: '127.0.0.1' })),
    accessLog(7),
    stats(...['outbound', 'six', 'transparent', 'virtual'].map(name => `listener.${name}.downstream_cx_total`)),
  ],
};

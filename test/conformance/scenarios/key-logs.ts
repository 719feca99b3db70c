/** Keys of handshakes, written to files. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Scenario, Step } from '../scenario.ts';
import { address, cluster } from './configuration.ts';
import { answering, chain, inspector } from './tls.ts';
import { secured, served, spoken } from './tls-steps.ts';

type Json = Record<string, unknown>;

const range = (prefix: string, length: number): Json => ({ address_prefix: prefix, prefix_len: length });

const ranges: Record<string, Json> = {
  all: {},
  near: { local_address_range: [range('127.0.0.0', 8)], remote_address_range: [range('127.0.0.1', 32)] },
  'far-local': { local_address_range: [range('10.0.0.0', 8)] },
  'far-remote': { remote_address_range: [range('10.0.0.0', 8), range('::1', 128)] },
};

const path = (log: string, name: string): string => `${log}.${name}.keys`;

/** A step: what kinds of keys a file has, once there are as many as that. */
const kinds = (name: string, lines: number): Step => ({
  name: `the keys of ${name}`,
  see: async ({ accessLog }) => {
    const file = path(accessLog, name);
    const read = () => (existsSync(file) ? readFileSync(file, 'latin1').split('\n').filter(Boolean) : undefined);
    for (const until = Date.now() + 5000; (read()?.length ?? 0) < lines && Date.now() < until; ) await wait(50);
    const found = read()?.map(line => line.replace(/[0-9a-f]{40,}/g, text => `<${text.length}>`));
    return found?.toSorted();
  },
});

export const keyLogs: Scenario = {
  name: 'keys of handshakes in files',
  config: (ports, log) => ({
    admin: { address: address(ports.admin) },
    static_resources: {
      listeners: [
        {
          ...{ name: 'main', stat_prefix: 'main', address: address(ports.listener), listener_filters: [inspector] },
          filter_chains: Object.entries(ranges).map(([name, more]) =>
            chain(
              name,
              { server_names: [name] },
              served({ certificates: ['one'], common: { key_log: { path: path(log, name), ...more } } }),
            ),
          ),
        },
        {
          ...{ name: 'back', stat_prefix: 'back', address: address(ports.nobody) },
          filter_chains: [chain('back', undefined, served({ certificates: ['one'] }), answering)],
        },
      ],
      clusters: [cluster('echo', [ports.nobody], spoken({ common: { key_log: { path: path(log, 'host') } } }))],
    },
  }),
  steps: [
    secured('/own', { name: 'all', maxVersion: 'TLSv1.2' }),
    kinds('all', 1),
    ...['near', 'far-local', 'far-remote'].map(name => secured('/own', { name })),
    kinds('near', 5),
    kinds('far-local', 0),
    kinds('far-remote', 0),
    secured('/echo', { name: 'far-local' }),
    kinds('host', 1),
  ],
};

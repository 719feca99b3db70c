/** Listener filters that do not see every connection. */
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { exchange } from '../exchange.ts';
import type { Place, Ports, Scenario, Step } from '../scenario.ts';
import { address, bootstrap } from './configuration.ts';
import { folderOf } from './discovery.ts';

type Json = Record<string, unknown>;

const range = (port: number): Json => ({ destination_port_range: { start: port, end: port + 1 } });

/** Where the filter does not look, by the name of the listener. */
const rules: Record<string, (ports: Ports) => Json | undefined> = {
  everywhere: () => undefined,
  nowhere: () => ({ any_match: true }),
  'not at one': ({ listener }) => range(listener),
  'at one': ({ listener }) => ({ not_match: range(listener) }),
  'at neither': ({ listener, nobody }) => ({ or_match: { rules: [range(listener), range(nobody)] } }),
  'at both': ({ listener, nobody }) => ({ and_match: { rules: [range(listener), range(nobody)] } }),
};
const names = Object.keys(rules);
const hostOf = (name: string): string => `127.0.0.${names.indexOf(name) + 1}`;
const fileOf = (name: string): string => `${names.indexOf(name)}.sock`;

/** A step: whether a client is answered that sends no PROXY protocol, at each address of a listener. */
const asked = (name: string): Step => ({
  name: `a filter that looks ${name}`,
  see: async (place: Place) => {
    const { listener, nobody } = place.ports;
    const host = hostOf(name);
    const seen: string[] = [];
    for (const where of [
      { port: listener, host },
      { port: nobody, host },
      { path: join(folderOf(place), fileOf(name)) },
    ]) {
      const open = () => connect(where);
      const { head } = await exchange(0, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', false, undefined, open);
      seen.push(head[0] ?? 'nothing');
    }
    return seen;
  },
});

export const leftOutFilters: Scenario = {
  name: 'listener filters that are left out',
  config: (ports, log) => {
    const base = bootstrap(ports, log, {
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }],
      clusters: [],
    }) as { static_resources: { listeners: Json[] } };
    const [main] = base.static_resources.listeners;
    base.static_resources.listeners = names.map(name => ({
      ...main,
      name,
      address: address(ports.listener, hostOf(name)),
      additional_addresses: [
        { address: address(ports.nobody, hostOf(name)) },
        { address: { pipe: { path: join(dirname(log), fileOf(name)) } } },
      ],
      listener_filters: [
        {
          name: 'proxy',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
          },
          filter_disabled: rules[name]!(ports),
        },
      ],
    }));
    return base;
  },
  steps: names.map(asked),
};

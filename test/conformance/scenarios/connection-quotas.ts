/** How many connections a listener may have, and all of them together. */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { plainSocket } from '../exchange.ts';
import { admin, type Place, type Ports, readStats, type Scenario, type Step, stats } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { network } from './network-filters.ts';

type Json = Record<string, unknown>;
type Port = keyof Pick<Ports, 'listener' | 'nobody'>;

const listener = (name: string, port: number, log: string, more: Json = {}): Json => ({
  ...{ name, stat_prefix: name, address: address(port), ...more },
  filter_chains: [{ filters: [network('tcp_proxy.v3.TcpProxy', { stat_prefix: name, cluster: 'raw' })] }],
  access_log: [fileLog(log)],
});

const configured = (ports: Ports, log: string, bootstrap: Json, more: Json = {}): Json => ({
  admin: { address: address(ports.admin) },
  static_resources: {
    listeners: [listener('one', ports.listener, log), listener('other', ports.nobody, log, more)],
    clusters: [cluster('raw', [ports.raw])],
  },
  ...bootstrap,
});

const activeOf = async ({ ports }: Place): Promise<number[]> => {
  const names = ['one', 'other'].map(name => `listener.${name}.downstream_cx_active`);
  return Object.values(await readStats(ports.admin, names)).map(Number);
};

/** Waits until there are as many. */
async function settled(place: Place, count: number): Promise<void> {
  const until = Date.now() + 3000;
  for (let sum = -1; sum !== count && Date.now() < until; await wait(10))
    sum = (await activeOf(place)).reduce((all, one) => all + one, 0);
}

/** Which of so many connections, opened one after the other, are served; then all are closed. */
const opened = (name: string, ...of: Port[]): Step => ({
  name,
  see: async place => {
    const sockets: Socket[] = [];
    const served: boolean[] = [];
    for (const port of of) {
      const socket = plainSocket(place.ports[port]);
      sockets.push(socket.on('error', () => {}));
      socket.write('GET /echo HTTP/1.1\r\nhost: a\r\n\r\n');
      served.push(
        await new Promise<boolean>(resolve => {
          socket.once('data', () => resolve(true)).once('close', () => resolve(false));
        }),
      );
    }
    const active = await activeOf(place);
    for (const socket of sockets) socket.destroy();
    await settled(place, 0);
    return { served, active };
  },
});

const counted: Step = stats(
  ...['one', 'other'].flatMap(name =>
    ['cx_overflow', 'global_cx_overflow', 'cx_overload_reject', 'cx_total'].map(
      counter => `listener.${name}.downstream_${counter}`,
    ),
  ),
);

const both: Step[] = [
  opened('at one', 'listener', 'listener', 'listener'),
  opened('again', 'listener', 'listener', 'listener'),
  opened('at both', 'listener', 'nobody', 'nobody', 'listener'),
];

const layered = (values: Json): Json => ({
  layered_runtime: {
    layers: [
      { name: 'static', static_layer: values },
      { name: 'admin', admin_layer: {} },
    ],
  },
});

const monitored: Json = {
  overload_manager: {
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          max_active_downstream_connections: 2,
        },
      },
    ],
  },
};

export const connectionQuotas: Scenario[] = [
  {
    name: 'limits of connections of a listener',
    config: (ports, log) =>
      configured(ports, log, layered({ 'envoy.resource_limits.listener.one.connection_limit': 2 })),
    steps: [
      ...both,
      admin('/runtime_modify?envoy.resource_limits.listener.one.connection_limit=1', undefined, 'POST'),
      opened('fewer', 'listener', 'listener'),
      counted,
    ],
  },
  {
    name: 'a limit of connections of all listeners',
    config: (ports, log) => configured(ports, log, monitored),
    steps: [
      ...both,
      counted,
      stats('overload.envoy.resource_monitors.global_downstream_max_connections.failed_updates'),
    ],
  },
  {
    name: 'a listener that no limit of all holds for',
    config: (ports, log) => configured(ports, log, monitored, { ignore_global_conn_limit: true }),
    steps: [...both, counted],
  },
];

/** Settings of listeners that clients notice little of, and which of them let their connections go when the proxy is ill. */
import { admin, raw, type Scenario, type Step, stats } from '../scenario.ts';
import { address } from './configuration.ts';
import { chain } from './tls.ts';

type Json = Record<string, unknown>;

const get = 'GET /own HTTP/1.1\r\nhost: a\r\n\r\n';
const both = (when: string): Step[] => [
  raw(`${when}: a listener as usual`, get),
  {
    name: `${when}: one that is only to go when it changes`,
    see: place => raw('', get).see({ ...place, ports: { ...place.ports, listener: place.ports.nobody } }),
  },
];

export const listenerSettings: Scenario = {
  name: 'settings of listeners',
  config: ports => {
    const listener = (name: string, port: number, more: Json): Json => ({
      ...{ name, stat_prefix: name, address: address(port), filter_chains: [chain(name, undefined, {})] },
      ...more,
    });
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        clusters: [{ name: 'echo' }],
        listeners: [
          listener('usual', ports.listener, {
            ...{ connection_balance_config: { exact_balance: {} }, tcp_backlog_size: 16 },
            ...{ max_connections_to_accept_per_socket_event: 2, ignore_global_conn_limit: true },
            ...{ bypass_overload_manager: true, enable_mptcp: false, transparent: false, freebind: false },
            per_connection_buffer_limit_bytes: 1024,
          }),
          listener('modified', ports.nobody, { drain_type: 'MODIFY_ONLY' }),
        ],
      },
    };
  },
  steps: [
    ...both('well'),
    admin('/healthcheck/fail', undefined, 'POST'),
    ...both('ill'),
    admin('/healthcheck/ok', undefined, 'POST'),
    ...both('well again'),
    stats(...['usual', 'modified'].map(name => `http.${name}.downstream_cx_drain_close`)),
  ],
};

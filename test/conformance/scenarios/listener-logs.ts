/** What the access log of a listener tells of its connections, whoever serves them. */
import { accessLog, type Place, type Ports, raw, type Scenario, type Step } from '../scenario.ts';
import { address, cluster, fileLog } from './configuration.ts';
import { access, any, get, hosts, network, policy, rules, type Talk, talking } from './network-filters.ts';
import { chain, inspector } from './tls.ts';
import { secured, served } from './tls-steps.ts';

type Json = Record<string, unknown>;

const operators =
  `RESPONSE_FLAGS RESPONSE_CODE RESPONSE_CODE_DETAILS CONNECTION_TERMINATION_DETAILS DOWNSTREAM_TRANSPORT_FAILURE_REASON
PROTOCOL BYTES_RECEIVED BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_SENT UPSTREAM_CLUSTER
FILTER_CHAIN_NAME REQUESTED_SERVER_NAME ACCESS_LOG_TYPE DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
UPSTREAM_REQUEST_ATTEMPT_COUNT ROUTE_NAME`.split(/\s+/);
const formatOf = (names: readonly string[]): string =>
  `${names.map(name => `${name.toLowerCase()}=%${name}%`).join(' ')}\n`;
const format = formatOf(operators);
/** Envoy's inspector tells there why something is no TLS, where that is no failure. */
const quietFormat = formatOf(operators.filter(name => name !== 'DOWNSTREAM_TRANSPORT_FAILURE_REASON'));

const chains = (ports: Place['ports'], log: string): Json[] => [
  { name: 'tcp', filters: [network('tcp_proxy.v3.TcpProxy', { stat_prefix: 'tcp', cluster: 'raw' })] },
  chain('http', undefined, {}),
  { name: 'echo', filters: [network('echo.v3.Echo')] },
  { name: 'direct', filters: [network('direct_response.v3.Config', { response: { inline_string: 'hello' } })] },
  {
    name: 'denied',
    filters: [
      access('no', rules({ none: policy({ not_rule: any }, any) })),
      network('tcp_proxy.v3.TcpProxy', {
        ...{ stat_prefix: 'denied', cluster: 'raw' },
        access_log: [fileLog(log, `proxy ${format}`)],
      }),
    ],
  },
  chain('tls', undefined, served({ certificates: ['one'] })),
  { name: 'empty', filters: [] },
  {
    name: 'nobody',
    filters: [network('tcp_proxy.v3.TcpProxy', { stat_prefix: 'nobody', cluster: 'nobody', max_connect_attempts: 2 })],
  },
];

/** A step and the lines that it adds to the log. */
const logging = (step: Step, before: number, lines: number): Step => ({
  name: step.name,
  see: async place => {
    const seen = await step.see(place);
    const all = (await accessLog(before + lines).see(place)) as string[];
    return { seen, logged: all.slice(before) };
  },
});

function loggingEach(steps: readonly [step: Step, lines: number][]): Step[] {
  let before = 0;
  return steps.map(([step, lines]) => {
    const wrapped = logging(step, before, lines);
    before += lines;
    return wrapped;
  });
}

const ownRequest = 'GET /own HTTP/1.1\r\nhost: a\r\n\r\n';
const there = (ports: Ports): number => ports.nobody;
const elsewhere = (step: Step): Step => ({
  name: step.name,
  see: place => step.see({ ...place, ports: { ...place.ports, listener: there(place.ports) } }),
});

/** Only what came: how soon the close follows depends on the moment. */
const words = ({ name, see }: Step): Step => ({ name, see: async place => ((await see(place)) as Json).text });

const talk = (name: string, said: Talk): [Step, number] => [talking(name, said), 1];

export const listenerLogs: Scenario = {
  name: 'access logs of listeners',
  config: (ports, log) => {
    const ends = hosts(chains(ports, log).length);
    return {
      admin: { address: address(ports.admin) },
      static_resources: {
        listeners: [
          {
            name: 'main',
            address: address(ports.listener, '0.0.0.0'),
            stat_prefix: 'main',
            access_log: [fileLog(log, format)],
            filter_chains: chains(ports, log).map((one, at) => ({
              ...one,
              filter_chain_match: { prefix_ranges: [{ address_prefix: ends[at], prefix_len: 32 }] },
            })),
          },
          {
            name: 'looking',
            address: address(ports.nobody),
            listener_filters: [inspector],
            listener_filters_timeout: '0.3s',
            access_log: [fileLog(log, quietFormat)],
            filter_chains: [
              chain('named', { server_names: ['one.example'] }, served({ certificates: ['one'] })),
              chain('plain', { transport_protocol: 'raw_buffer' }, {}),
            ],
          },
        ],
        clusters: [cluster('raw', [ports.raw]), cluster('echo', [ports.raw]), cluster('nobody', [1])],
      },
    };
  },
  steps: loggingEach([
    talk('bytes', { chain: 0, send: get }),
    talk('a request', { chain: 1, send: ownRequest }),
    talk('two requests', { chain: 1, send: ownRequest + ownRequest }),
    [words(talking('no request', { chain: 1, send: 'x y\r\n\r\n' })), 1],
    talk('nothing', { chain: 1 }),
    talk('an echo', { chain: 2, send: 'hello' }),
    talk('an answer', { chain: 3, send: 'hello' }),
    [talking('denied', { chain: 4, send: get }), 2],
    [talking('no TLS', { chain: 5, send: 'GET / HTTP/1.1\r\n\r\n' }), 1],
    talk('a chain without filters', { chain: 6, send: 'hello' }),
    talk('nobody there', { chain: 7, send: 'hello' }),
    talk('no chain', { chain: 8, send: 'hello' }),
    talk('no chain again', { chain: 8 }),
    [secured('/own', { name: 'one.example', port: there }), 1],
    [secured('/own', { name: 'other.example', port: there }), 1],
    [elsewhere(raw('a request beside TLS', ownRequest, true)), 1],
    [elsewhere(raw('nothing to look at', '', true, 1000)), 1],
    [elsewhere(raw('cut off while it is looked at', '\x16\x03', false, 100)), 1],
  ]),
};

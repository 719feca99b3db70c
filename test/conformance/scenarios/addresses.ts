/** Listeners of several addresses, as they are and as they change, and those of IPv6. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { descriptorOf, systemCalls } from '../../../proxy/net/system-calls.ts';
import { exchange, plainSocket } from '../exchange.ts';
import { accessLog, admin, type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';
import { counted, folderOf, publish, put, response, source } from './discovery.ts';
import { fixed, listener, managed } from './listener-discovery.ts';

type Json = Record<string, unknown>;

const tcp = 6;
const maximumSegment = 2;
/** A segment of this size at most is what a peer is then told when it connects. */
const segments = (bytes: number): Json[] => [
  { level: tcp, name: maximumSegment, int_value: bytes, state: 'STATE_PREBIND' },
];

const pipe = (path: string): Json => ({ pipe: { path } });

/** Which addresses there are to connect to, by the words of steps. */
const places = {
  first: ({ ports }: Place) => ({ port: ports.listener, host: '127.0.0.1' }),
  second: ({ ports }: Place) => ({ port: ports.listener, host: '127.0.0.2' }),
  third: ({ ports }: Place) => ({ port: ports.listener, host: '127.0.0.3' }),
  six: ({ ports }: Place) => ({ port: ports.nobody, host: '::1' }),
  four: ({ ports }: Place) => ({ port: ports.nobody, host: '127.0.0.1' }),
  pipe: (place: Place) => ({ path: join(folderOf(place), 'in.sock') }),
};
type Name = keyof typeof places;

/** A step: what is answered at each of these addresses, if anything. */
const asked = (name: string, ...names: Name[]): Step => ({
  name,
  see: async place => {
    const seen: Record<string, string> = {};
    for (const one of names) {
      const open = () => connect(places[one](place));
      const answer = exchange(0, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', false, undefined, open);
      const { head } = await answer.catch((error: NodeJS.ErrnoException) => ({ head: [error.code ?? ''] }));
      seen[one] = head[0] ?? 'nothing';
    }
    return seen;
  },
});

/** A step: how large segments are that clients may send to an address. */
const segmentsOf = (name: 'first' | 'second' | 'third'): Step => ({
  name: `segments of the ${name}`,
  see: async place => {
    const { port, host } = places[name](place);
    const socket = plainSocket(port, host);
    await once(socket, 'connect');
    const [value, length] = [Buffer.alloc(4), Buffer.from([4, 0, 0, 0])];
    systemCalls().getsockopt(descriptorOf(socket)!, tcp, maximumSegment, value, length);
    socket.destroy();
    const size = value.readInt32LE();
    return size < 600 ? 'smaller' : size < 800 ? 'small' : 'as usual';
  },
});

const withoutPorts = (body: string): string => body.replace(/("port_value": |:)\d+$/gm, '$1<port>');

const format =
  '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT%\n';

export const severalAddresses: Scenario = {
  name: 'listeners of several addresses',
  config: (ports, log) => {
    const base = bootstrap(ports, log, {
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }],
      clusters: [],
      manager: { access_log: [fileLog(log, format)] },
    }) as { static_resources: { listeners: Json[] } };
    const [main] = base.static_resources.listeners;
    base.static_resources.listeners = [
      {
        ...main,
        socket_options: segments(700),
        additional_addresses: [
          { address: address(ports.listener, '127.0.0.2') },
          { address: address(ports.listener, '127.0.0.3'), socket_options: { socket_options: segments(500) } },
          { address: pipe(join(dirname(log), 'in.sock')), socket_options: {} },
        ],
      },
      { ...main, name: 'six', address: address(ports.nobody, '::') },
    ];
    return base;
  },
  steps: [
    admin('/listeners', withoutPorts),
    admin('/listeners?format=json', withoutPorts),
    asked('each address', 'first', 'second', 'third', 'pipe'),
    asked('one of IPv6', 'six', 'four'),
    ...(['first', 'second', 'third'] as const).map(segmentsOf),
    admin('/config_dump?resource=static_listeners', body => body.match(/"address": "[^"]*"|"path": "[^"]*"/g)),
    accessLog(5),
    {
      name: 'they are counted together',
      see: async place => {
        const { ports } = place;
        const prefix = `listener.127.0.0.1_${ports.listener}`;
        const seen = await stats(
          `${prefix}.downstream_cx_total`,
          `listener.[__]_${ports.nobody}.downstream_cx_total`,
        ).see(place);
        return Object.values(seen as Json);
      },
    },
  ],
};

export const bothFamilies: Scenario = {
  name: 'a listener of both families',
  config: (ports, log) => {
    const base = bootstrap(ports, log, {
      routes: [route('/', 'echo')],
      clusters: [cluster('echo', [ports.raw])],
      manager: { access_log: [fileLog(log, format)], use_remote_address: true, skip_xff_append: true },
    }) as { static_resources: { listeners: Json[] } };
    const [main] = base.static_resources.listeners;
    const both = { socket_address: { address: '::', port_value: ports.nobody, ipv4_compat: true } };
    base.static_resources.listeners = [{ ...main, address: both }];
    return base;
  },
  steps: [
    admin('/listeners', withoutPorts),
    asked('both', 'six', 'four'),
    accessLog(2),
    stats('cluster.echo.upstream_rq_total'),
  ],
};

const name = 'one';
const other =
  (host: string, port: (place: Place) => number = ({ ports }) => ports.listener, more: Json = {}) =>
  (place: Place): Json => ({ address: address(port(place), host), ...more });
const ofPipe = (place: Place): Json => ({ address: pipe(join(folderOf(place), 'in.sock')) });

/** The listener with these addresses besides its own. */
const withMore = (place: Place, status: number, ...more: ((place: Place) => Json)[]): Json =>
  listener(name, place.ports.listener, fixed(status), { additional_addresses: more.map(one => one(place)) });

const updates = [...counted.map(one => `listener_manager.lds.${one}`), ...managed].filter(
  one => !/draining|create_success/.test(one),
);

/** Steps: an update, then what there is. */
const change = (title: string, version: string, listeners: (place: Place) => Json[]): Step[] => [
  publish(title, 'lds', place => response(version, listeners(place)), ...updates.slice(counted.length)),
  until('listener_manager.total_listeners_warming', 0),
  { ...admin('/listeners', withoutPorts), name: `${title}: listed` },
  asked(`${title}: answers`, 'first', 'second', 'third', 'pipe'),
];

/** @param workers how many serve together */
const changing = (workers: number): Scenario => ({
  name: `listeners whose addresses change${workers === 1 ? '' : ', two workers'}`,
  args: ['--concurrency', String(workers), '--drain-time-s', '1'],
  config: (ports, log) => {
    const folder = dirname(log);
    put(folder, 'lds', response('l1', [listener(name, ports.listener, fixed(201))]));
    return {
      node: { id: 'proxy', cluster: 'proxies' },
      admin: { address: address(ports.admin) },
      dynamic_resources: { lds_config: source(folder, 'lds') },
    };
  },
  steps: [
    asked('at first', 'first', 'second', 'third', 'pipe'),
    ...change('another comes', 'l2', place => [withMore(place, 202, other('127.0.0.2'))]),
    ...change('a pipe comes', 'l3', place => [withMore(place, 203, other('127.0.0.2'), ofPipe)]),
    ...change('one takes the place of another', 'l4', place => [withMore(place, 204, other('127.0.0.3'), ofPipe)]),
    ...change('filters change alone', 'l5', place => [withMore(place, 205, other('127.0.0.3'), ofPipe)]),
    ...change('the order changes', 'l6', place => [withMore(place, 206, ofPipe, other('127.0.0.3'))]),
    ...change('options of one change', 'l7', place => [
      withMore(
        place,
        207,
        ofPipe,
        other('127.0.0.3', undefined, { socket_options: { socket_options: segments(500) } }),
      ),
    ]),
    segmentsOf('third'),
    ...change('the pipe goes', 'l8', place => [withMore(place, 208, other('127.0.0.3'))]),
    ...change('another listener wants one', 'l9', place => [
      withMore(place, 208, other('127.0.0.3')),
      listener('two', place.ports.nobody, fixed(209), { additional_addresses: [other('127.0.0.3')(place)] }),
    ]),
    ...change('it gets one that is free', 'l10', place => [
      withMore(place, 210),
      listener('two', place.ports.nobody, fixed(209), { additional_addresses: [other('127.0.0.3')(place)] }),
    ]),
    ...change('the first address is a pipe', 'l11', place => [
      { ...withMore(place, 211, other('127.0.0.2')), ...ofPipe(place) },
    ]),
    ...change('all go', 'l12', () => []),
  ],
});

export const changingAddresses: Scenario[] = [changing(1), changing(2)];

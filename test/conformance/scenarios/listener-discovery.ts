/** Listeners that come, change and go while the proxy runs, by files (LDS). */

import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import { admin, type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { address } from './configuration.ts';
import { api, counted, folderOf, publish, put, response, routes, source } from './discovery.ts';

type Json = Record<string, unknown>;

const answering = (status: number): Json[] => [{ match: { prefix: '/' }, direct_response: { status } }];

const router = { name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } };

/** The filters of a chain that answers by its own routes. */
const served = (manager: Json): Json[] => [
  {
    name: 'http',
    typed_config: {
      '@type': api('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: 'in',
      http_filters: [router],
      ...manager,
    },
  },
];

export const fixed = (status: number): Json[] =>
  served({
    route_config: { name: 'fixed', virtual_hosts: [{ name: 'all', domains: ['*'], routes: answering(status) }] },
  });

export const listener = (name: string, port: number, filters: Json[], more: Json = {}): Json => ({
  '@type': api('config.listener.v3.Listener'),
  name,
  address: address(port),
  filter_chains: [{ filters }],
  ...more,
});

export const managed = [
  ...['listener_added', 'listener_modified', 'listener_removed', 'listener_in_place_updated', 'listener_stopped'],
  ...['listener_create_success', 'listener_create_failure', 'workers_started'],
  ...['total_listeners_active', 'total_listeners_warming', 'total_listeners_draining', 'total_filter_chains_draining'],
].map(name => `listener_manager.${name}`);

const all = [...managed, 'listener_manager.lds.config_reload', 'listener_manager.lds.init_fetch_timeout'];

const dump = (name: string): Step => ({
  ...admin('/config_dump', body => {
    const { configs } = JSON.parse(body.replaceAll(/"[^"]*\/(lds|rds)\.json"/g, '"<$1>"')) as { configs: Json[] };
    const { static_listeners: _, ...found } = configs.find(config => String(config['@type']).includes('Listeners'))!;
    const listeners = (found.dynamic_listeners ?? []) as Json[];
    // Ours says where it stands, too.
    const text = (one: Json) => JSON.stringify(one).replace(/("details":")\/\S*: /g, '$1');
    return { ...found, dynamic_listeners: listeners.map(text).sort() };
  }),
  name,
});

const shown = (name: string): Step => ({ ...admin('/listeners', body => body.split('\n').sort()), name });

/** What was logged of refused updates; ours says where it stands, too. */
const refusals: Step = {
  name: 'refusals in the log',
  see: async ({ running }) =>
    running.output
      .split('\n')
      .filter(line => line.includes('Error adding/updating'))
      .map(line => line.replace(/^.*?\] (\[[^\]]*\] )?/, '').replace(/\/\S*\.json:1: /, '')),
};

const asked = (name: string, port: (place: Place) => number): Step => ({
  name,
  see: async place =>
    (await exchange(port(place), 'GET / HTTP/1.1\r\nhost: a\r\n\r\n').catch(error => ({ head: [error.code] }))).head[0],
});

const main = (name: string): Step => asked(name, ({ ports }) => ports.listener);
const second = (name: string): Step => asked(name, ({ ports }) => ports.nobody);

export const listenerDiscovery: Scenario = {
  name: 'listeners by files',
  args: ['--drain-time-s', '2'],
  config: (ports, log) => {
    const folder = dirname(log);
    put(folder, 'lds', response('l1', [listener('one', ports.listener, fixed(201))]));
    put(folder, 'rds', response('r1', [routes(answering(210))]));
    return {
      node: { id: 'proxy', cluster: 'proxies' },
      admin: { address: address(ports.admin) },
      dynamic_resources: { lds_config: source(folder, 'lds') },
    };
  },
  steps: [
    main('the first listener answers'),
    stats(...counted.map(name => `listener_manager.lds.${name}`), ...all),
    shown('it is listed'),
    dump('it is in the dump'),
    publish(
      'nothing changes',
      'lds',
      ({ ports }) => response('l2', [listener('one', ports.listener, fixed(201))]),
      ...all,
    ),
    dump('the dump after nothing changed'),
    publish(
      'another comes',
      'lds',
      ({ ports }) =>
        response('l3', [listener('one', ports.listener, fixed(201)), listener('two', ports.nobody, fixed(202))]),
      ...all,
    ),
    second('it answers too'),
    shown('both are listed'),
    publish(
      'one changes as a whole',
      'lds',
      ({ ports }) =>
        response('l4', [
          listener('one', ports.listener, fixed(203), { per_connection_buffer_limit_bytes: 10000 }),
          listener('two', ports.nobody, fixed(202)),
        ]),
      ...all,
    ),
    until('listener_manager.total_listeners_draining', 0),
    main('the changed one answers'),
    publish(
      'its filters change',
      'lds',
      ({ ports }) =>
        response('l5', [
          listener('one', ports.listener, fixed(204), { per_connection_buffer_limit_bytes: 10000 }),
          listener('two', ports.nobody, fixed(202)),
        ]),
      ...all,
    ),
    until('listener_manager.total_filter_chains_draining', 0),
    main('the changed filters answer'),
    dump('the dump after changes'),
    publish(
      'an address that another has',
      'lds',
      ({ ports }) =>
        response('l6', [
          listener('one', ports.listener, fixed(204), { per_connection_buffer_limit_bytes: 10000 }),
          listener('two', ports.nobody, fixed(202)),
          listener('three', ports.nobody, fixed(205)),
        ]),
      ...all,
    ),
    dump('the dump after refusal'),
    publish(
      'an address that somebody else has',
      'lds',
      ({ ports }) =>
        response('l7', [listener('one', ports.listener, fixed(206)), listener('three', ports.admin, fixed(205))]),
      ...all,
    ),
    main('the others were taken'),
    second('and the one that is gone is gone'),
    dump('the dump after somebody else'),
    { ...until('listener_manager.total_listeners_draining', 0), name: 'the one that went has drained' },
    publish(
      'two of one name',
      'lds',
      ({ ports }) =>
        response('l8', [listener('one', ports.listener, fixed(206)), listener('one', ports.nobody, fixed(207))]),
      ...all,
    ),
    dump('the dump after duplicates'),
    publish(
      'what cannot be',
      'lds',
      ({ ports }) =>
        response('l9', [
          listener('one', ports.listener, fixed(208), { filter_chains: undefined }),
          listener('two', ports.nobody, fixed(209)),
        ]),
      ...all,
    ),
    publish(
      'what is no valid message',
      'lds',
      ({ ports }) =>
        response('l10', [
          listener('one', ports.listener, fixed(208)),
          listener('two', ports.nobody, fixed(209), { filter_chains: [{ filters: [{ name: '' }] }] }),
        ]),
      ...all,
    ),
    main('the one before stays'),
    dump('the dump after what cannot be'),
    publish('no name', 'lds', ({ ports }) => response('l11', [listener('', ports.listener, fixed(201))]), ...all),
    { ...until('listener_manager.total_listeners_draining', 0), name: 'what went for the nameless one has drained' },
    publish('it moves', 'lds', ({ ports }) => response('l12', [listener('one', ports.nobody, fixed(211))]), ...all),
    until('listener_manager.total_listeners_draining', 0),
    main('not there any more'),
    second('but here'),
    publish(
      'by RDS',
      'lds',
      place =>
        response('l13', [
          listener(
            'one',
            place.ports.nobody,
            served({ rds: { route_config_name: 'routes', config_source: source(folderOf(place), 'rds') } }),
          ),
        ]),
      ...all,
    ),
    until('listener_manager.total_listeners_warming', 0),
    second('with routes by RDS'),
    { ...until('listener_manager.total_filter_chains_draining', 0), name: 'the chain before RDS has drained' },
    publish(
      'no routes come',
      'lds',
      place => {
        put(folderOf(place), 'nords', '{');
        return response('l14', [
          listener(
            'one',
            place.ports.nobody,
            served({ rds: { route_config_name: 'others', config_source: source(folderOf(place), 'nords') } }),
          ),
        ]);
      },
      ...all,
    ),
    { name: 'pause', see: async () => wait(300) },
    second('still'),
    stats(...all),
    dump('while it warms'),
    { ...until('listener_manager.total_filter_chains_draining', 0), name: 'the chain by RDS has drained' },
    publish('none', 'lds', () => response('l15', []), ...all),
    until('listener_manager.total_listeners_draining', 0),
    second('nobody'),
    stats(...all),
    dump('an empty dump'),
    refusals,
  ],
};

/** A connection from an address, and what it is answered. */
function open(port: number, from: string): { socket: Socket; ask(): Promise<unknown> } {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  const ask = async (): Promise<unknown> => {
    if (socket.destroyed || !socket.writable) return 'closed';
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const text = await new Promise<string>(resolve => {
      socket.once('data', chunk => resolve(String(chunk)));
      socket.once('close', () => resolve('closed'));
    });
    return [text.split('\r\n')[0], /connection: close/i.test(text)];
  };
  return { socket, ask };
}

const from = (range: string, filters: Json[]): Json => ({
  filter_chain_match: { source_prefix_ranges: [{ address_prefix: range, prefix_len: 32 }] },
  filters,
});

const divided = (port: number, first: number, other: number, more: Json = {}): Json =>
  listener('one', port, [], {
    filter_chains: [from('127.0.0.1', fixed(first)), from('127.0.0.2', fixed(other))],
    ...more,
  });

/** A step: two connections, one of each chain, before and after a change, and once the drain time is over. */
const across = (change: Step): Step => ({
  name: `two connections: ${change.name}`,
  see: async place => {
    const both = ['127.0.0.1', '127.0.0.2'].map(address => open(place.ports.listener, address));
    const ask = () => Promise.all(both.map(one => one.ask()));
    const seen = [await ask()];
    await change.see(place);
    seen.push(await ask());
    await until('listener_manager.total_listeners_draining', 0).see(place);
    await until('listener_manager.total_filter_chains_draining', 0).see(place);
    seen.push(await ask());
    for (const { socket } of both) socket.destroy();
    return seen;
  },
});

/** Where connections are told to go by and by, it is chance when. */
export const drainedListeners: Scenario = {
  name: 'connections of listeners that change',
  args: ['--drain-time-s', '2', '--drain-strategy', 'immediate'],
  config: (ports, log) => {
    const folder = dirname(log);
    put(folder, 'lds', response('l1', [divided(ports.listener, 201, 202)]));
    return {
      node: { id: 'proxy', cluster: 'proxies' },
      admin: { address: address(ports.admin) },
      dynamic_resources: { lds_config: source(folder, 'lds') },
    };
  },
  steps: [
    across(
      publish('one chain changes', 'lds', ({ ports }) => response('l2', [divided(ports.listener, 201, 203)]), ...all),
    ),
    stats(...all),
    across(
      publish(
        'the whole changes',
        'lds',
        ({ ports }) => response('l3', [divided(ports.listener, 201, 203, { per_connection_buffer_limit_bytes: 9999 })]),
        ...all,
      ),
    ),
    across(publish('it goes', 'lds', () => response('l4', []), ...all)),
    stats(...all),
  ],
};

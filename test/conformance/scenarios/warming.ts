/** Listeners that wait for their routes: nobody is served, and nobody is let in, until these are there. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Place, type Scenario, type Step, stats } from '../scenario.ts';
import { until } from './answers.ts';
import { address } from './configuration.ts';
import {
  answers,
  bootstrap,
  ControlPlane,
  listener,
  main,
  named,
  routes,
  sourceOf,
  type Way,
  ways,
} from './control-plane-steps.ts';

type Json = Record<string, unknown>;

const plane = new ControlPlane();

/** A step: what becomes of a connection to a port. */
const knocking = (name: string, port: (place: Place) => number): Step => ({
  name,
  see: async place => {
    const socket = connect(port(place), '127.0.0.1');
    const outcome = await Promise.race([
      once(socket, 'connect').then(
        () => 'connected',
        (error: NodeJS.ErrnoException) => error.code,
      ),
      wait(2000, 'nothing'),
    ]);
    socket.destroy();
    return outcome;
  },
});

/** A step: whether somebody else could listen there. */
const claiming = (name: string, port: (place: Place) => number): Step => ({
  name,
  see: async place => {
    const other = createServer();
    try {
      await once(other.listen({ port: port(place), host: '127.0.0.1', exclusive: true }), 'listening');
      return 'free';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      other.close();
    }
  },
});

const listens = (place: Place): number => place.ports.listener;
const counted = stats(
  ...['added', 'modified', 'create_success', 'create_failure'].map(name => `listener_manager.listener_${name}`),
  ...['active', 'warming', 'draining'].map(name => `listener_manager.total_listeners_${name}`),
  'listener_manager.lds.update_success',
  'listener_manager.lds.update_rejected',
);

const did = (name: string, act: (place: Place) => void): Step => ({ name, see: async place => act(place) });

const warming = (way: Way, more: Json): Scenario => ({
  name: `listeners that warm: ${way.name}${'enable_reuse_port' in more ? ', none shares its port' : ''}`,
  beside: plane.beside(server => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', []);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    knocking('before there is a listener', listens),
    did('one comes whose routes do not', ({ ports }) =>
      plane.server.publish('LDS', 'l2', [listener(ports, sourceOf(way), 'late', more)]),
    ),
    until('listener_manager.total_listeners_warming', 1),
    knocking('nobody is let in while it warms', listens),
    claiming('its port, while it warms', listens),
    knocking('still nobody', listens),
    named('counted while it warms', counted),
    did('the routes come', () => plane.server.publish('RDS', 'r1', [routes('late', answers(201))])),
    until('listener_manager.total_listeners_active', 1),
    knocking('who comes now is let in', listens),
    main('it answers'),
    named('counted then', counted),
    claiming('its port, while it serves', listens),
    did('it changes, and its routes do not come', ({ ports }) =>
      plane.server.publish('LDS', 'l3', [
        listener(ports, sourceOf(way), 'later', { ...more, per_connection_buffer_limit_bytes: 9999 }),
      ]),
    ),
    { ...until('listener_manager.total_listeners_warming', 1), name: 'it warms again' },
    main('the one before answers'),
    did('it moves, and its routes do not come', ({ ports }) =>
      plane.server.publish('LDS', 'l4', [
        { ...listener(ports, sourceOf(way), 'latest', more), address: address(ports.raw, '127.0.0.3') },
      ]),
    ),
    { ...until('listener_manager.lds.update_success', 4), name: 'it is to move' },
    main('the one before answers still'),
    named('counted before it moves', counted),
    did('these routes come', () =>
      plane.server.publish('RDS', 'r2', [routes('late', answers(201)), routes('latest', answers(202))]),
    ),
    { ...until('listener_manager.total_listeners_warming', 0), name: 'it has moved' },
    main('nobody is where it was'),
    named('counted at last', counted),
  ],
});

const rdsCounted = (name: string): Step =>
  stats(
    ...[
      'update_attempt',
      'update_success',
      'update_rejected',
      'update_failure',
      'init_fetch_timeout',
      'config_reload',
    ].map(stat => `http.in.rds.${name}.${stat}`),
  );

/** How long listeners wait for routes, and what ends that. */
const patience = (way: Way): Scenario => ({
  name: `how long listeners wait for routes: ${way.name}`,
  beside: plane.beside(server => {
    server.publish('CDS', 'c1', []);
    server.publish('LDS', 'l1', []);
  }),
  config: ports => bootstrap(ports, way),
  steps: [
    did('routes do not come in time', ({ ports }) =>
      plane.server.publish('LDS', 'l2', [listener(ports, { ...sourceOf(way), initial_fetch_timeout: '0.5s' }, 'late')]),
    ),
    { ...until('listener_manager.total_listeners_active', 1), name: 'it serves without' },
    main('it has no route'),
    named('counted without', rdsCounted('late')),
    did('routes that cannot be', () => plane.server.publish('RDS', 'r1', [routes('late', answers(99))])),
    { ...until('http.in.rds.late.update_rejected', 1), name: 'they are refused' },
    main('it has no route still'),
    did('routes come', () => plane.server.publish('RDS', 'r2', [routes('late', answers(201))])),
    { ...until('http.in.rds.late.config_reload', 1), name: 'they are taken' },
    main('it has them'),
    named('counted with routes', rdsCounted('late')),
    did('it changes, and has to wait for ever', ({ ports }) =>
      plane.server.publish('LDS', 'l3', [listener(ports, { ...sourceOf(way), initial_fetch_timeout: '0s' }, 'never')]),
    ),
    { ...until('listener_manager.total_listeners_warming', 1), name: 'it waits' },
    did('what comes cannot be', () =>
      plane.server.publish('RDS', 'r3', [routes('late', answers(201)), routes('never', answers(99))]),
    ),
    { ...until('listener_manager.total_listeners_warming', 0), name: 'it waits no longer' },
    main('it has none'),
    named('counted then', rdsCounted('never')),
  ],
});

export const warmingListeners: Scenario[] = [
  warming(ways[0]!, {}),
  warming(ways[2]!, { enable_reuse_port: false }),
  ...ways.map(way => patience(way)),
];

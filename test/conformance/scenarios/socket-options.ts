/** What a configuration tells the system of sockets: seen by clients, by hosts, and by what is refused. */
import { once } from 'node:events';
import { descriptorOf, systemCalls } from '../../../proxy/net/system-calls.ts';
import { plainSocket } from '../exchange.ts';
import { accessLog, admin, request, type Scenario, type Step, stats } from '../scenario.ts';
import { address, bootstrap, cluster, fileLog, route } from './configuration.ts';

type Json = Record<string, unknown>;

const tcp = 6;
const maximumSegment = 2;
/** A segment of this size at most is what a peer is then told when it connects. */
const segment = (bytes: number, state: string): Json => ({
  ...{ description: 'small segments', level: tcp, name: maximumSegment, int_value: bytes, state },
});
const keepAlive = (state: string): Json => ({ level: 1, name: 9, buf_value: 'AQAAAA==', state });
const wrong: Json = { description: 'no such option', level: 1, name: 9999, int_value: 1, state: 'STATE_PREBIND' };

const bound = (...options: Json[]): Json => ({ upstream_bind_config: { socket_options: options } });

/** How large the segments are that a client may send. */
const segmentsOf = (name: string, port: 'listener' | 'nobody'): Step => ({
  name,
  see: async ({ ports }) => {
    const socket = plainSocket(ports[port]);
    await once(socket, 'connect');
    const [value, length] = [Buffer.alloc(4), Buffer.from([4, 0, 0, 0])];
    const status = systemCalls().getsockopt(descriptorOf(socket)!, tcp, maximumSegment, value, length);
    socket.destroy();
    return { status, small: value.readInt32LE() < 800 };
  },
});

export const socketOptions: Scenario = {
  name: 'options of sockets',
  config: (ports, log) => {
    const base = bootstrap(ports, log, {
      routes: [
        route('/told', 'told'),
        route('/late', 'late'),
        route('/wrong', 'wrong'),
        route('/general', 'general'),
        route('/', 'echo'),
      ],
      clusters: [
        cluster('echo', [ports.raw]),
        cluster('told', [ports.raw], bound(segment(600, 'STATE_PREBIND'), keepAlive('STATE_PREBIND'))),
        // Connections are bound at most: what is said for later is never told.
        cluster('late', [ports.raw], bound({ ...wrong, state: 'STATE_LISTENING' })),
        cluster('wrong', [ports.raw], bound(keepAlive('STATE_PREBIND'), wrong)),
        cluster('general', [ports.raw], bound()),
      ],
      manager: {
        access_log: [fileLog(log, '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n')],
      },
    }) as { static_resources: { listeners: Json[] } };
    const [main] = base.static_resources.listeners;
    const options = [segment(700, 'STATE_PREBIND'), keepAlive('STATE_BOUND'), keepAlive('STATE_LISTENING')];
    const far = { ...main, name: 'far', stat_prefix: 'far', address: address(ports.nobody, '203.0.113.9') };
    base.static_resources.listeners = [
      { ...main, socket_options: options, tcp_fast_open_queue_length: 5 },
      { ...main, name: 'usual', stat_prefix: 'usual', address: address(ports.nobody) },
      { ...far, freebind: true },
    ];
    return base;
  },
  steps: [
    admin('/listeners', body => body.replace(/:\d+\n/g, ':<port>\n')),
    request('/own'),
    segmentsOf('a listener that wants small segments', 'listener'),
    segmentsOf('one as usual', 'nobody'),
    request('/told'),
    request('/late'),
    request('/wrong'),
    request('/general'),
    stats(
      ...['told', 'late', 'wrong'].flatMap(name => [
        `cluster.${name}.bind_errors`,
        `cluster.${name}.upstream_cx_total`,
        `cluster.${name}.upstream_cx_connect_fail`,
        `cluster.${name}.upstream_rq_pending_failure_eject`,
      ]),
      'listener_manager.listener_create_success',
      'listener_manager.listener_create_failure',
    ),
    accessLog(5),
  ],
};

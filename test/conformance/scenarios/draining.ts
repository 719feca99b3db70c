/** How a connection ends whose time is over: its client is told, and has the time to hear of it (drain_timeout). */
import { setTimeout as wait } from 'node:timers/promises';
import { get, headers } from '../frames.ts';
import { admin, request, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';
import { frames } from './http2.ts';
import { pieces } from './slow-heads.ts';

const whole = 'GET /direct HTTP/1.1\r\nhost: a\r\n\r\n';

const drained = (name: string, manager: Record<string, unknown>, steps: Step[]): Scenario => ({
  name: `draining: ${name}`,
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
      manager,
    }),
  steps: [
    ...steps,
    stats(
      ...`downstream_cx_idle_timeout downstream_cx_max_duration_reached downstream_cx_drain_close downstream_cx_destroy downstream_cx_max_requests_reached`
        .split(' ')
        .map(one => `http.ingress.${one}`),
    ),
  ],
});

/** Ours also asks whether its end was heard of. */
const withoutPing = (step: Step): Step => ({
  name: step.name,
  see: async place => ((await step.see(place)) as string[]).filter(line => !line.startsWith('PING')),
});

const steps: Step[] = [
  pieces('HTTP/1', [whole], 0),
  pieces('HTTP/1 before any request', [], 0),
  withoutPing(frames('HTTP/2', [headers(1, get('/direct'))], { quietMs: 1500, settlingMs: 1500 })),
  withoutPing(frames('HTTP/2 under way', [headers(1, get('/silent'))], { quietMs: 1500 })),
];

const idle = { idle_timeout: '0.3s' };
const old = { max_connection_duration: '0.3s' };

const gracefully: Scenario = {
  ...drained('asked for by the admin interface', {}, []),
  args: ['--drain-time-s', '3', '--drain-strategy', 'immediate'],
  steps: [
    request('/direct'),
    admin('/drain_listeners?graceful', undefined, 'POST'),
    admin('/ready'),
    request('/direct', {}, 'meanwhile'),
    withoutPing(frames('HTTP/2 meanwhile', [headers(1, get('/direct'))])),
    stats('http.ingress.downstream_cx_drain_close', 'listener_manager.total_listeners_active'),
    { name: 'a while later', see: () => wait(5000) },
    request('/direct', {}, 'after that'),
  ],
};

export const draining: Scenario[] = [
  gracefully,
  drained('idle for too long', { common_http_protocol_options: idle, drain_timeout: '0.3s' }, steps),
  drained(
    'idle for too long, and a long time to go',
    { common_http_protocol_options: idle, drain_timeout: '30s' },
    steps,
  ),
  {
    ...drained('a request on the way', { common_http_protocol_options: idle, drain_timeout: '30s' }, []),
    steps: [pieces('HTTP/1, and another request', [whole, whole], 1500)],
  },
  drained('too old', { common_http_protocol_options: old, drain_timeout: '0.3s' }, steps),
  drained('too old, and a long time to go', { common_http_protocol_options: old, drain_timeout: '30s' }, steps),
  drained(
    'enough requests',
    { common_http_protocol_options: { max_requests_per_connection: 1 }, drain_timeout: '0.3s' },
    steps,
  ),
];

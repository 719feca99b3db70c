/** A client that does not read: the proxy stops reading from the host, and holds no more than it may. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Place, readStats, type Scenario, type Step } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

const unsent = 'http.ingress.downstream_cx_tx_bytes_buffered';
const paused = 'cluster.httpbin.upstream_flow_control_paused_reading_total';
const resumed = 'cluster.httpbin.upstream_flow_control_resumed_reading_total';
const received = 'cluster.httpbin.upstream_cx_rx_bytes_total';
const sent = 'http.ingress.downstream_cx_tx_bytes_total';

async function numbers({ ports }: Place): Promise<Record<string, number>> {
  const texts = await readStats(ports.admin, [unsent, paused, resumed, received, sent]);
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Number(text)]));
}

/** Waits until nothing moves any more. */
async function settled(place: Place): Promise<Record<string, number>> {
  const end = Date.now() + 10_000;
  for (let last = ''; ; await wait(200)) {
    const now = await numbers(place);
    if ((JSON.stringify(now) === last && now[paused]! > 0) || Date.now() > end) return now;
    last = JSON.stringify(now);
  }
}

/** How much a proxy may hold, in bytes: its limit and what a read or two bring. Envoy has been seen with twice the limit for a moment. */
const bound = ({ running }: Place, limit: number) => (running.name === 'envoy' ? 2 * limit : limit) + 256 * 1024;

/** A step: a client asks for 50 MB and reads none; what the proxy holds of them, against its limit. */
const unread = (limit: number): Step => ({
  name: 'a client that does not read',
  see: async place => {
    const socket = connect(place.ports.listener, '127.0.0.1').pause();
    try {
      socket.write('GET /stream-bytes/50000000 HTTP/1.1\r\nhost: a\r\n\r\n');
      const stopped = await settled(place);
      return {
        stopped: stopped[paused]! - stopped[resumed]!,
        held:
          stopped[unsent]! > limit / 4 && stopped[unsent]! < bound(place, limit) ? 'about its limit' : stopped[unsent],
        counted: stopped[received]! > 1_000_000 && stopped[sent]! > 1_000_000,
        whole: stopped[received]! > 50_000_000,
      };
    } finally {
      socket.destroy();
      await once(socket, 'close');
    }
  },
});

/** A step: nothing waits for the client that left. */
const nothingHeld: Step = {
  name: 'nothing is held for it',
  see: async place => {
    for (const end = Date.now() + 10_000; ; await wait(20)) {
      const held = (await numbers(place))[unsent];
      if (held === 0 || Date.now() > end) return held;
    }
  },
};

const slowReader = (name: string, limit: number): Scenario => ({
  name,
  config: (ports, log) => {
    const whole = bootstrap(ports, log, {
      routes: [route('/', 'httpbin')],
      clusters: [cluster('httpbin', [ports.httpbin], { per_connection_buffer_limit_bytes: limit })],
    });
    const { listeners } = whole.static_resources as { listeners: Record<string, unknown>[] };
    for (const listener of listeners) listener.per_connection_buffer_limit_bytes = limit;
    return whole;
  },
  steps: [unread(limit), nothingHeld],
});

export const backPressure: Scenario[] = [
  slowReader('back pressure', 1 << 20),
  slowReader('back pressure with small buffers', 32 << 10),
];

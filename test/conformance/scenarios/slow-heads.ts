/** Requests whose heads come slowly, or not at all: what limits their time. */
import { setTimeout as wait } from 'node:timers/promises';
import { plainSocket } from '../exchange.ts';
import { accessLog, normalizeText, raw, type Scenario, type Step, stats } from '../scenario.ts';
import { bootstrap, cluster, fileLog, route } from './configuration.ts';

const log =
  '%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT%\n';
const counters = `downstream_rq_header_timeout downstream_rq_timeout downstream_rq_idle_timeout downstream_rq_total downstream_rq_http1_total
downstream_rq_active downstream_rq_4xx downstream_rq_rx_reset downstream_rq_response_before_rq_complete downstream_cx_protocol_error
downstream_cx_destroy_remote_active_rq downstream_cx_idle_timeout`;

/** A step: these pieces on one connection, each once something came in answer to those before or was waited for; then all that came. */
export function pieces(name: string, sent: readonly string[], pauseMs: number, hangUp = false): Step {
  return {
    name,
    see: async ({ ports }) => {
      const socket = plainSocket(ports.listener);
      let got = '';
      let closed = false;
      socket.on('data', chunk => {
        got += chunk.toString('latin1');
      });
      socket
        .on('error', () => {})
        .on('close', () => {
          closed = true;
        });
      for (const piece of sent) {
        socket.write(Buffer.from(piece, 'latin1'));
        await wait(pauseMs);
      }
      if (hangUp) socket.end();
      for (let waited = 0; waited < 3000 && !closed; waited += 50) await wait(50);
      socket.destroy();
      const text = got.replace(/date: .*/gi, 'date: <date>').replace(/(service-time: )\d+/g, '$1<ms>');
      return [...normalizeText(text).split('\r\n'), closed ? 'closed' : 'open'];
    },
  };
}

const half = 'GET /direct HTTP/1.1\r\nhost: a\r\n';
const whole = `${half}\r\n`;

const slow = (name: string, manager: Record<string, unknown>, steps: Step[], lines: number): Scenario => ({
  name: `slow heads: ${name}`,
  config: (ports, file) =>
    bootstrap(ports, file, {
      routes: [
        { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
        route('/', 'raw'),
      ],
      clusters: [cluster('raw', [ports.raw])],
      manager: { access_log: [fileLog(file, log)], ...manager },
    }),
  steps: [...steps, stats(...counters.split(/\s+/).map(one => `http.ingress.${one}`)), accessLog(lines)],
});

const limited: Step[] = [
  raw('a head without an end', half),
  raw('a line without an end', 'GET /dir'),
  raw('a few bytes', 'GE'),
  pieces('whole, then a half', [`${whole}${half}`], 0),
  pieces('a half, then the rest', [half, '\r\n'], 50),
  pieces('a half, then the rest and another half', [half, `\r\n${half}`], 50),
  pieces('a half, then one that is bad', [half, 'x y: z\r\n\r\n'], 50),
  pieces('a half, then nobody', [half], 100, true),
];

export const slowHeads: Scenario[] = [
  slow(
    'request_headers_timeout',
    { request_headers_timeout: '0.7s' },
    [
      ...limited,
      pieces(
        'a body that does not end',
        ['POST /echo-body HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na', 'bc'],
        700,
      ),
    ],
    11,
  ),
  slow('request_timeout', { request_timeout: '0.7s' }, limited, 10),
  slow('stream_idle_timeout', { stream_idle_timeout: '0.7s' }, limited, 10),
  slow(
    'idle_timeout of the connection',
    { common_http_protocol_options: { idle_timeout: '0.7s' }, drain_timeout: '0.2s' },
    [
      pieces('a head without an end', [half], 0),
      pieces('whole', [whole], 0),
      pieces('nothing', [], 0),
      pieces('empty lines', ['\r\n\r\n'], 0),
    ],
    3,
  ),
];

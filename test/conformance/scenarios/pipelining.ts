import { plainSocket } from '../exchange.ts';
import { type Place, request, type Scenario, stats } from '../scenario.ts';
import { bootstrap, cluster, route } from './configuration.ts';

const count = 4;

/** The paths that are told back, of requests that are sent at once. */
async function sendAtOnce({ ports }: Place): Promise<string[]> {
  const requests = Array.from({ length: count }, (_, i) => `GET /echo/${i} HTTP/1.1\r\nhost: a\r\n\r\n`);
  const socket = plainSocket(ports.listener).setEncoding('latin1');
  socket.setTimeout(3000, () => socket.destroy());
  socket.write(requests.join(''));
  let text = '';
  const paths = () => text.match(/\/echo\/\d+/g) ?? [];
  for await (const chunk of socket) {
    text += chunk;
    if (paths().length === count) break;
  }
  return paths();
}

/** Answers come in the order of requests, and each request is sent on once the answer before it is whole. */
export const pipelined: Scenario = {
  name: 'requests that do not wait for answers',
  config: (ports, log) =>
    bootstrap(ports, log, { routes: [route('/', 'raw')], clusters: [cluster('raw', [ports.raw])] }),
  steps: [
    { name: 'at once', see: sendAtOnce },
    request('/echo', {}, 'one more'),
    stats('cluster.raw.upstream_cx_total', 'cluster.raw.upstream_rq_total', 'http.ingress.downstream_cx_total'),
  ],
};

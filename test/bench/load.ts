/** Load on a proxy by wrk (HTTP/1.1) and h2load (HTTP/2), from the core that the proxy does not have. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cores, type Peer } from './peers.ts';
import { median } from './table.ts';

const run = promisify(execFile);
export const rounds = 3;
const seconds = 4;

export interface Figure {
  /** Requests a second. */
  rate: number;
  /** Milliseconds; NaN where the load tells none. */
  p50: number;
  p99: number;
  p999: number;
}

export type Load = (peer: Peer) => Promise<Figure>;

/**
 * Loads the peers in turn, so that what else the machine does meets them all, and takes the medians.
 * @returns by the peer's name
 */
export async function measure(peers: readonly Peer[], load: Load): Promise<Map<string, Figure>> {
  const found = new Map(peers.map(({ name }) => [name, [] as Figure[]]));
  for (let i = 0; i < rounds; i++) for (const peer of peers) found.get(peer.name)?.push(await load(peer));
  const middle = (figures: Figure[], key: keyof Figure) => median(figures.map(figure => figure[key]));
  return new Map(
    [...found].map(([name, figures]) => [
      name,
      {
        rate: middle(figures, 'rate'),
        p50: middle(figures, 'p50'),
        p99: middle(figures, 'p99'),
        p999: middle(figures, 'p999'),
      },
    ]),
  );
}

/** Says what wrk keeps to itself. */
const script = `done = function(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("figures %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), failed))
end
`;

/** @param connections each with one request at a time */
export function wrk(folder: string, connections: number, path = '/'): Load {
  const file = join(folder, 'wrk.lua');
  writeFileSync(file, script);
  return async ({ port, scheme }) => {
    const { stdout } = await run('taskset', [
      ...['-c', String(cores.load), 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', file],
      `${scheme}://127.0.0.1:${port}${path}`,
    ]);
    const [count = 0, microseconds = 0, p50 = 0, p99 = 0, p999 = 0, failed = 1] =
      /^figures (.*)$/m.exec(stdout)?.[1]?.split(' ').map(Number) ?? [];
    if (!(count > 0) || failed > 0) throw new Error(`wrk: ${stdout}`);
    return { rate: (count / microseconds) * 1e6, p50: p50 / 1000, p99: p99 / 1000, p999: p999 / 1000 };
  };
}

export interface Streams {
  connections: number;
  streams: number;
  requests: number;
}

/** By HTTP/2 with prior knowledge. @param post a file to send with each request, as a call of gRPC */
export function h2load({ connections, streams, requests }: Streams, path = '/', post?: string): Load {
  const call = post === undefined ? [] : ['-d', post, '-H', 'content-type: application/grpc', '-H', 'te: trailers'];
  return async ({ port }) => {
    const { stdout } = await run('taskset', [
      ...['-c', String(cores.load), 'h2load', '-c', String(connections), '-m', String(streams), '-n', String(requests)],
      ...[...call, `http://127.0.0.1:${port}${path}`],
    ]);
    const rate = Number(/([\d.]+) req\/s/.exec(stdout)?.[1]);
    if (!(rate > 0) || !stdout.includes(`${requests} 2xx`)) throw new Error(`h2load: ${stdout}`);
    return { rate, p50: Number.NaN, p99: Number.NaN, p999: Number.NaN };
  };
}

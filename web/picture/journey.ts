import type { TrafficRequest } from '../../server/api.ts';

/** One way that a dot goes, in milliseconds of the picture. */
export interface Leg {
  from: 'client' | 'proxy' | 'upstream';
  to: 'client' | 'proxy' | 'upstream';
  /** Which upstream, for legs that touch one. */
  host: string;
  startMs: number;
  durationMs: number;
  failed: boolean;
  /** Shown where the leg ends: a status or a response flag. */
  mark: string;
}

/** A way between two places takes that long on the picture, whatever it took. */
const legMs = 320;
/** What the upstream really took is drawn, but neither too short to see nor longer than one would watch. */
const longestWaitMs = 1600;

export const isFailure = (status: number | null): boolean => status === null || status >= 500 || status === 0;

/**
 * The ways of one request on the picture: client → proxy, each try at the upstream and back, proxy → client. It shows what happened in its order;
 * times are stretched and cut so that an eye can follow.
 */
export function journey(request: TrafficRequest): Leg[] {
  const legs: Leg[] = [];
  let at = 0;
  const add = (leg: Omit<Leg, 'startMs' | 'durationMs'>) => {
    legs.push({ ...leg, startMs: at, durationMs: legMs });
    at += legMs;
  };
  add({ from: 'client', to: 'proxy', host: '', failed: false, mark: '' });
  for (const attempt of request.attempts) {
    const failed = isFailure(attempt.status) || flagOf(attempt.flag) !== '';
    add({ from: 'proxy', to: 'upstream', host: attempt.host, failed: false, mark: '' });
    at += Math.min(attempt.durationMs, longestWaitMs);
    add({ from: 'upstream', to: 'proxy', host: attempt.host, failed, mark: markOf(attempt.status, attempt.flag) });
  }
  add({
    from: 'proxy',
    to: 'client',
    host: '',
    failed: isFailure(request.status),
    mark: markOf(request.status, request.flags),
  });
  return legs;
}

/** Whether its proxy can be asked what decided it. */
export const isExplained = ({ requestId, explainedAt }: TrafficRequest): boolean =>
  requestId !== '' && Boolean(explainedAt);

/** A file as the editor calls it; null where it is not in the learner's home, from which programs are started. */
export function homePath(file: string): string | null {
  const path = file.replace(/^(\/home\/learner\/|\.\/)/, '');
  return path.startsWith('/') || path.startsWith('-') || path.split('/').includes('..') ? null : path;
}

/** Envoy writes '-' where there is no flag. */
export const flagOf = (flag: string): string => (flag === '-' ? '' : flag);

/** A status with its flag, in short. */
export function markOf(status: number | null, flag: string): string {
  return [status === null || status === 0 ? '' : String(status), flagOf(flag)].filter(Boolean).join(' ');
}

/** The upstream hosts of the last requests, in the order of their names, at most `most`. */
export function hostsOf(requests: TrafficRequest[], most: number): string[] {
  const hosts = new Set(requests.flatMap(request => request.attempts.map(attempt => attempt.host)));
  return [...hosts].filter(Boolean).toSorted().slice(0, most);
}

/** How many tries came to each of these hosts. */
export function triesAt(hosts: string[], requests: TrafficRequest[]): number[] {
  const tries = requests.flatMap(({ attempts }) => attempts.map(({ host }) => host));
  return hosts.map(host => tries.filter(one => one === host).length);
}

/** What a host is called: by its cluster, and where several are drawn of one, by its port too. */
export function nameOf(host: string, hosts: string[], requests: TrafficRequest[]): string {
  const clusterOf = (wanted: string) =>
    requests.find(({ attempts }) => attempts.some(attempt => attempt.host === wanted))?.cluster;
  const cluster = clusterOf(host);
  if (!cluster) return host || 'httpbin';
  const alone = hosts.every(other => other === host || clusterOf(other) !== cluster);
  return alone ? cluster : `${cluster}${/:\d+$/.exec(host)?.[0] ?? ''}`;
}

/** Where each try lies within the request, in per cent of its time. */
export function bars(request: TrafficRequest): { left: number; width: number; failed: boolean; title: string }[] {
  const total = Math.max(
    request.durationMs,
    ...request.attempts.map(one => startOf(one, request) + one.durationMs),
    0.001,
  );
  return request.attempts.map((attempt, index) => ({
    left: Math.min(98, (startOf(attempt, request) / total) * 100),
    width: Math.max(2, Math.min(100, (attempt.durationMs / total) * 100)),
    failed: isFailure(attempt.status) || flagOf(attempt.flag) !== '',
    title: `try ${index + 1}: ${markOf(attempt.status, attempt.flag) || 'no answer'}`,
  }));
}

/** A try's start counts from the request's; some reporters give the time of day. */
function startOf(attempt: { startMs: number }, request: TrafficRequest): number {
  return Math.max(0, attempt.startMs > 1e11 ? attempt.startMs - request.atMs : attempt.startMs);
}

/** What the connection manager looks at in heads, beyond what the codec refuses. */
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { hasToken } from '../http1/server-connection.ts';
import type { ManagerStats } from './manager-stats.ts';
import { mergeSlashes, normalizePath } from './path.ts';
import type { ManagerSettings } from './settings.ts';

/** What is wrong with a head that the codec let pass; its path is normalized where the configuration says so. */
export function checkRequest(
  head: RequestHeaders,
  settings: ManagerSettings,
  stats: ManagerStats,
): { status: number; details: string } | undefined {
  if (head.authority === '') return { status: 400, details: 'missing_host_header' };
  if (head.path === '*') {
    stats.rqNonRelativePath.increment();
    return { status: 404, details: 'absolute_path_rejected' };
  }
  if (head.path.includes('#')) {
    stats.rqFailedPathNormalization.increment();
    return { status: 400, details: 'path_normalization_failed' };
  }
  if (settings.normalizePath && head.method !== 'CONNECT') {
    const path = normalizePath(head.path);
    if (path === undefined) return { status: 400, details: 'path_normalization_failed' };
    head.path = path;
  }
  if (settings.mergeSlashes) head.path = mergeSlashes(head.path);
  return undefined;
}

/** Whether the client asks for another protocol; h2c is left unanswered, as RFC 9113 says. */
export function wantsUpgrade(head: RequestHeaders): boolean {
  const upgrade = head.get('upgrade');
  if (upgrade === undefined) return false;
  if (upgrade.toLowerCase() === 'h2c') {
    head.remove('http2-settings');
    return false;
  }
  return hasToken((head.getAll('connection') ?? '').toLowerCase(), 'upgrade');
}

/** The client waits for a go-ahead; it gets one from us, and the header ends here. */
export function isExpected(head: RequestHeaders): boolean {
  if (head.get('expect')?.toLowerCase() !== '100-continue') return false;
  head.remove('expect');
  return true;
}

export function removeHopByHop(head: ResponseHeaders): void {
  const { entries } = head;
  for (let i = 0; i < entries.length; i += 2) {
    if (!isHopByHop(entries[i]!)) continue;
    head.removeIf(isHopByHop);
    return;
  }
}

function isHopByHop(name: string): boolean {
  return (
    name === 'connection' ||
    name === 'transfer-encoding' ||
    name === 'keep-alive' ||
    name === 'proxy-connection' ||
    name === 'upgrade'
  );
}

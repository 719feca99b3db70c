/** What the connection manager looks at in heads, beyond what the codec refuses. */

import { isGrpc } from '../http/grpc.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { namesUpgrade } from '../http1/upgrade.ts';
import type { ManagerStats } from './manager-stats.ts';
import { mergeSlashes, normalizePath, unescapeSlashes } from './path.ts';
import type { ManagerSettings } from './settings.ts';

/** Why a request goes no further. */
export interface Refusal {
  status: number;
  details: string;
  /** Adds to the answer where the client is sent instead. */
  adjust?: (reply: ResponseHeaders) => void;
}

/**
 * What is wrong with a head that the codec let pass; its path and its authority are normalized where the configuration says so.
 * @param localAddress that the client came to, `ip:port`
 */
export function checkRequest(
  head: RequestHeaders,
  settings: ManagerSettings,
  stats: ManagerStats,
  localAddress: string,
): Refusal | undefined {
  if (head.authority === '') return { status: 400, details: 'missing_host_header' };
  // Targets that are URLs were taken apart before, where they may be.
  if (!head.path.startsWith('/') && head.method !== 'CONNECT') {
    stats.rqNonRelativePath.increment();
    return { status: 404, details: 'absolute_path_rejected' };
  }
  const details = 'path_normalization_failed';
  const means = head.path.includes('#') ? 'reject' : normalize(head, settings);
  if (means === 'reject' || (means === 'redirect' && isGrpc(head))) {
    stats.rqFailedPathNormalization.increment();
    return { status: 400, details };
  }
  if (means === 'redirect') {
    stats.rqRedirectedWithNormalizedPath.increment();
    return { status: 307, details, adjust: reply => reply.add('location', head.path) };
  }
  normalizeHost(head, settings, localAddress);
  return undefined;
}

/** Makes the path canonical as far as the configuration says, and tells what that means for the request. */
function normalize(head: RequestHeaders, settings: ManagerSettings): 'continue' | 'redirect' | 'reject' {
  const { escapedSlashes } = settings;
  const before = head.path;
  if (escapedSlashes !== 'keep') head.path = unescapeSlashes(before);
  const unescaped = head.path !== before;
  if (unescaped && escapedSlashes === 'reject') return 'reject';
  if (settings.normalizePath && head.method !== 'CONNECT') {
    const path = normalizePath(head.path);
    if (path === undefined) return 'reject';
    head.path = path;
  }
  if (settings.mergeSlashes) head.path = mergeSlashes(head.path);
  return unescaped && escapedSlashes === 'redirect' ? 'redirect' : 'continue';
}

/** CONNECT keeps its port for the host: without it a host knows no way. */
function normalizeHost(
  head: RequestHeaders,
  { stripsPort, stripTrailingHostDot }: ManagerSettings,
  local: string,
): void {
  if (stripTrailingHostDot) head.authority = head.authority.replace(/\.(?=(?::\d+)?$)/, '');
  if (stripsPort === 'none') return;
  const port = /:\d+$/.exec(head.authority)?.[0];
  if (port === undefined || (stripsPort === 'listener' && !local.endsWith(port))) return;
  head.authority = head.authority.slice(0, -port.length);
  if (head.method === 'CONNECT') head.connectPort = port;
}

/** What is for the connection alone goes, but for what names an upgrade that was asked for. */
export function removeHopByHop(head: ResponseHeaders, request: RequestHeaders | undefined): void {
  const asked = request !== undefined && request.upgrade !== '' && request.method !== 'CONNECT';
  const kept = asked && namesUpgrade(head) ? isUpgradeName : () => false;
  const { entries } = head;
  for (let i = 0; i < entries.length; i += 2) {
    if (!isHopByHop(entries[i]!)) continue;
    head.removeIf(name => isHopByHop(name) && !kept(name));
    return;
  }
}

const isUpgradeName = (name: string): boolean => name === 'connection' || name === 'upgrade';

function isHopByHop(name: string): boolean {
  return (
    name === 'connection' ||
    name === 'transfer-encoding' ||
    name === 'keep-alive' ||
    name === 'proxy-connection' ||
    name === 'upgrade'
  );
}

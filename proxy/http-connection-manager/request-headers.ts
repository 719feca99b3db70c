/** What the connection manager does to a request's head before any filter sees it. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { RequestHeaders } from '../http/headers.ts';
import type { ConnectionFacts } from '../listener/network-filter.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import { requestId } from './request-id.ts';
import type { ManagerSettings, Node } from './settings.ts';

/** Who sent it, as far as the connection tells. */
export interface Peer extends ConnectionFacts {
  /** Without port; or a pipe's path. */
  address: string;
}

/** Headers that mean something between proxies of one house and are taken from strangers. */
const internalOnly = new Set([
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-upstream-stream-duration-ms',
]);
/** Taken at the edge as well: where `use_remote_address` says that this is the first proxy. */
const edgeOnly = new Set([
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
]);

/** Headers of one connection, which end at it. */
const hopByHop = new Set([
  'connection',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'x-forwarded-client-cert',
  'x-envoy-internal',
]);

/** Cleans and completes the head. */
export function prepareRequest(head: RequestHeaders, settings: ManagerSettings, peer: Peer, info: StreamInfo): void {
  const internal = findSender(head, settings, peer, info);
  const edge = settings.useRemoteAddress && !internal;
  info.internal = internal;
  sanitize(head, { internal, edge, keepsCertificate: settings.clientCertificate?.keeps(peer.tls) ?? false });
  if (settings.useRemoteAddress && !settings.skipForwardedForAppend && !isPipe(peer.address))
    appendForwardedFor(head, isLoopback(peer.address) ? ownAddress() : peer.address);
  if (!head.has('x-forwarded-proto') || (settings.useRemoteAddress && settings.trustedHops === 0))
    head.set('x-forwarded-proto', peer.tls === undefined ? 'http' : 'https');
  if (settings.appendForwardedPort) appendForwardedPort(head, settings, info);
  if (settings.scheme !== '') head.set('x-forwarded-proto', settings.scheme);
  head.scheme = head.get('x-forwarded-proto')!;
  if (internal) head.set('x-envoy-internal', 'true');
  if (settings.addUserAgent !== undefined) addUserAgent(head, settings.addUserAgent);
  if (settings.via !== '') addVia(head, settings.via);
  if (edge) tellClient(head, splitAddress(info.downstreamRemoteAddress).address);
  if (settings.generateRequestId) setRequestId(head, edge && !settings.preserveExternalRequestId);
  settings.clientCertificate?.tell(head, peer.tls);
  info.requestId = head.get('x-request-id') ?? '';
}

/** The client's address, from x-forwarded-for where that is trusted; true where it is one of ours. */
function findSender(head: RequestHeaders, settings: ManagerSettings, peer: Peer, info: StreamInfo): boolean {
  const forwarded = head.getAll('x-forwarded-for');
  // In one line from here on.
  if (forwarded !== undefined && forwarded !== head.get('x-forwarded-for')) head.set('x-forwarded-for', forwarded);
  if (settings.useRemoteAddress) {
    if (settings.trustedHops > 0 && forwarded !== undefined)
      setSender(info, entryFromEnd(forwarded, settings.trustedHops - 1));
    return forwarded === undefined && settings.isInternal(peer.address);
  }
  if (forwarded === undefined) return false;
  setSender(info, entryFromEnd(forwarded, settings.trustedHops));
  const single = !forwarded.includes(',');
  return single && settings.isInternal(forwarded.trim());
}

function setSender(info: StreamInfo, address: string | undefined): void {
  if (address !== undefined && isIP(address) !== 0)
    info.downstreamRemoteAddress = address.includes(':') ? `[${address}]:0` : `${address}:0`;
}

function entryFromEnd(list: string, back: number): string | undefined {
  return list
    .split(',')
    .at(-1 - back)
    ?.trim();
}

function tellClient(head: RequestHeaders, address: string): void {
  if (!isPipe(address)) head.set('x-envoy-external-address', address);
}

/** What decides which headers are taken from it. */
interface Sender {
  internal: boolean;
  /** It comes from outside, and this is the first proxy. */
  edge: boolean;
  keepsCertificate: boolean;
}

/** Fast path: most heads have nothing to remove, so the list is looked through before it is changed. */
function sanitize(head: RequestHeaders, sender: Sender): void {
  const entries = head.entries;
  for (let i = 0; i < entries.length; i += 2) {
    if (!mayGo(entries[i]!)) continue;
    const upgrade = head.upgrade !== '' && head.method !== 'CONNECT';
    if (!upgrade) removeNominated(head);
    head.removeIf(name => goes(name, sender) && !(upgrade && (name === 'connection' || name === 'upgrade')));
    sanitizeTe(head);
    return;
  }
}

/** Headers that Connection names belong to this connection alone. */
function removeNominated(head: RequestHeaders): void {
  const connection = head.getAll('connection');
  if (connection === undefined) return;
  for (const part of connection.toLowerCase().split(',')) {
    const name = part.trim();
    if (name !== 'te') head.remove(name);
  }
}

function mayGo(name: string): boolean {
  return name.startsWith('x-envoy-') || name === 'te' || hopByHop.has(name);
}

function goes(name: string, { internal, edge, keepsCertificate }: Sender): boolean {
  if (hopByHop.has(name)) return !(keepsCertificate && name === 'x-forwarded-client-cert');
  if (!name.startsWith('x-envoy-')) return false;
  return (!internal && internalOnly.has(name)) || (edge && edgeOnly.has(name));
}

/** `te` is passed on for trailers only. */
function sanitizeTe(head: RequestHeaders): void {
  const te = head.get('te');
  if (te === undefined) return;
  const trailers = te.split(',').some(part => part.trim().toLowerCase() === 'trailers');
  if (trailers) head.set('te', 'trailers');
  else head.remove('te');
}

/** Says nothing to another machine. */
const isLoopback = (address: string): boolean => address === '127.0.0.1' || address === '::1';

let own: string | undefined;

/** By which others know this machine, as Envoy finds it: of its addresses the first that is not its own alone. */
function ownAddress(): string {
  own ??= Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  own ??= '127.0.0.1';
  return own;
}

function appendForwardedFor(head: RequestHeaders, address: string): void {
  const before = head.getAll('x-forwarded-for');
  head.set('x-forwarded-for', before === undefined || before === '' ? address : `${before},${address}`);
}

/** To which the client came, unless a proxy before this one says so that may. */
function appendForwardedPort(head: RequestHeaders, settings: ManagerSettings, info: StreamInfo): void {
  const { useRemoteAddress, trustedHops } = settings;
  if (!(useRemoteAddress && trustedHops === 0) && head.has('x-forwarded-port')) return;
  head.set('x-forwarded-port', info.downstreamLocalAddress.replace(/.*:/, ''));
}

function addUserAgent(head: RequestHeaders, { cluster, id }: Node): void {
  head.set('x-envoy-downstream-service-cluster', cluster);
  if (!head.has('user-agent')) head.set('user-agent', cluster);
  if (id !== '') head.set('x-envoy-downstream-service-node', id);
}

function addVia(head: RequestHeaders, via: string): void {
  const before = head.get('via');
  head.set('via', before === undefined || before === '' ? via : `${before}, ${via}`);
}

function setRequestId(head: RequestHeaders, force: boolean): void {
  if (force || !head.has('x-request-id')) head.set('x-request-id', requestId());
}

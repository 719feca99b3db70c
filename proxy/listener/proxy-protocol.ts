/**
 * The PROXY protocol: a proxy before this one tells whose connection it passes on.
 *
 * @see https://www.haproxy.org/download/2.1/doc/proxy-protocol.txt
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol
 */
import { isIPv4, isIPv6, type Socket } from 'node:net';
import { ProxyProtocolConfig_Version as Version } from '../api/enums.js';
import type { ProxyProtocol as Configuration } from '../api/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { latin1 } from '../net/latin1.ts';
import { usualForm } from '../net/original-destination.ts';
import { formatAddress, localAddressOf } from '../net/transport.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { Findings, ListenerFilter, Verdict } from './listener-filter.ts';
import { type Look, peek } from './peek.ts';

type Header = { version: 1 | 2; addresses?: { remote: string; local: string } };
type Told = Header | { version: 1 | 2; error: true } | 'none';

const signature1 = Buffer.from('PROXY ');
const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
/** With its line end. */
const longestLine = 107;

/** For `peek`. */
export function lookForProxyProtocol(bytes: Buffer): Look<Told> {
  if (startsLike(bytes, signature2)) return bytes.length < 16 ? { needed: 16 } : binaryHeader(bytes);
  if (startsLike(bytes, signature1)) return textHeader(bytes);
  return { found: 'none' };
}

/** As far as there are bytes. */
function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function textHeader(bytes: Buffer): Look<Told> {
  const end = bytes.subarray(0, longestLine).indexOf('\r\n');
  if (end < 0)
    return bytes.length < longestLine ? { needed: bytes.length + 1 } : { found: { version: 1, error: true } };
  const words = latin1(bytes.subarray(0, end)).split(' ');
  const consumed = end + 2;
  if (words[0] === 'PROXY' && words[1] === 'UNKNOWN') return { found: { version: 1 }, consumed };
  const addresses = textAddresses(words);
  return addresses ? { found: { version: 1, addresses }, consumed } : { found: { version: 1, error: true } };
}

function textAddresses([proxy, family, remote = '', local = '', remotePort = '', localPort = '', ...more]: string[]) {
  const isIp = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) < 65_536;
  if (proxy !== 'PROXY' || more.length > 0 || !isIp(remote) || !isIp(local)) return undefined;
  if (!isPort(remotePort) || !isPort(localPort)) return undefined;
  return {
    remote: formatAddress(usualForm(remote), Number(remotePort)),
    local: formatAddress(usualForm(local), Number(localPort)),
  };
}

const families: Record<number, 4 | 16> = { 1: 4, 2: 16 };

function binaryHeader(bytes: Buffer): Look<Told> {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15];
  const error: Look<Told> = { found: { version: 2, error: true } };
  if (version !== 2 || command > 1) return error;
  const size = families[bytes[13]! >> 4];
  const length = bytes.readUInt16BE(14);
  // A connection of the proxy's own keeps its addresses; another one has to be of a family that has ports.
  if (command === 1 && (size === undefined || length < 2 * size + 4)) return error;
  if (bytes.length < 16 + length) return { needed: 16 + length };
  const consumed = 16 + length;
  if (command === 0) return { found: { version: 2 }, consumed };
  return { found: { version: 2, addresses: binaryAddresses(bytes.subarray(16), size!) }, consumed };
}

function binaryAddresses(bytes: Buffer, size: 4 | 16): { remote: string; local: string } {
  const address = (at: number) => ipText(bytes.subarray(at, at + size));
  const port = (at: number) => bytes.readUInt16BE(at);
  return {
    remote: formatAddress(address(0), port(2 * size)),
    local: formatAddress(address(size), port(2 * size + 2)),
  };
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return usualForm(groups.join(':'));
}

interface VersionCounters {
  found: Counter;
  disallowed: Counter;
  error: Counter;
}

export class ProxyProtocolFilter implements ListenerFilter {
  readonly reads = true;
  readonly #optional: boolean;
  readonly #disallowed: ReadonlySet<1 | 2>;
  readonly #errors: Counter;
  readonly #notFound: Counter;
  readonly #versions: Record<1 | 2, VersionCounters>;

  constructor(configuration: Configuration, store: StatsStore) {
    this.#optional = configuration.allowRequestsWithoutProxyProtocol;
    this.#disallowed = new Set(configuration.disallowedVersions.map(version => (version === Version.V1 ? 1 : 2)));
    this.#errors = store.counter('downstream_cx_proxy_proto_error');
    const scope = store.scope(
      configuration.statPrefix === '' ? 'proxy_proto.' : `proxy_proto.${configuration.statPrefix}.`,
    );
    const [allowed, disallowed] = [scope.counter('not_found_allowed'), scope.counter('not_found_disallowed')];
    this.#notFound = this.#optional ? allowed : disallowed;
    const counters = (version: 1 | 2): VersionCounters => ({
      found: scope.counter(`versions.v${version}.found`),
      disallowed: scope.counter(`versions.v${version}.disallowed`),
      error: scope.counter(`versions.v${version}.error`),
    });
    this.#versions = { 1: counters(1), 2: counters(2) };
  }

  /** Where there need be no header, one of a version that is not taken is none: its bytes go on. */
  readonly #look = (bytes: Buffer): Look<Told> => {
    const looked = lookForProxyProtocol(bytes);
    const told = 'found' in looked ? looked.found : 'none';
    const passes = this.#optional && told !== 'none' && this.#disallowed.has(told.version);
    return passes ? { found: 'none' } : looked;
  };

  inspect(socket: Socket, findings: Findings, timeoutMs: number, tell: (verdict: Verdict) => void): void {
    peek(socket, timeoutMs, this.#look, told => {
      if (told === 'timed-out' || told === 'closed') {
        tell(told);
        return;
      }
      const verdict = this.#judge(socket, told, findings);
      if (verdict === 'refused') this.#errors.increment();
      tell(verdict);
    });
  }

  #judge(socket: Socket, told: Told, findings: Findings): Verdict {
    if (told === 'none') {
      this.#notFound.increment();
      return this.#optional ? 'go-on' : 'refused';
    }
    const counters = this.#versions[told.version];
    if (this.#disallowed.has(told.version)) {
      counters.disallowed.increment();
      return 'refused';
    }
    if ('error' in told) {
      counters.error.increment();
      return 'refused';
    }
    counters.found.increment();
    if (told.addresses !== undefined) {
      const { remote, local } = told.addresses;
      findings.remoteAddress = remote;
      if (local !== localAddressOf(socket)) findings.localAddress = local;
    }
    return 'go-on';
  }
}

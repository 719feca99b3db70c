/**
 * Looks whether a connection that is not encrypted speaks HTTP, and which version: chains may be chosen by it, as `application_protocols`.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/http_inspector
 */
import type { Socket } from 'node:net';
import { latin1 } from '../net/latin1.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsStore } from '../stats/store.ts';
import type { Findings, ListenerFilter, Verdict } from './listener-filter.ts';
import { type Look, peek } from './peek.ts';

type Version = 'http/1.0' | 'http/1.1' | 'h2c' | 'none';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** A request line that is longer is none. */
const longest = 64 * 1024;

/** For `peek`. */
export function lookForHttp(bytes: Buffer): Look<Version> {
  const start = latin1(bytes.subarray(0, preface.length));
  if (start === preface) return { found: 'h2c' };
  if (preface.startsWith(start)) return { needed: preface.length };
  if (!/^[!#$%&'*+.^_`|~\w-]/.test(start)) return { found: 'none' };
  const end = bytes.indexOf(10);
  if (end < 0) return bytes.length > longest ? { found: 'none' } : { needed: bytes.length + 1 };
  return { found: versionOf(latin1(bytes.subarray(0, end))) };
}

/** What is no version that is known counts as the oldest. */
function versionOf(line: string): Version {
  if (!/^[!#$%&'*+.^_`|~\w-]+ +\S/.test(line)) return 'none';
  return / HTTP\/1\.1\r?$/.test(line) ? 'http/1.1' : 'http/1.0';
}

export class HttpInspector implements ListenerFilter {
  readonly reads = true;
  readonly #counters: Record<Version, Counter>;

  constructor(store: StatsStore) {
    const scope = store.scope('http_inspector.');
    scope.counter('read_error');
    this.#counters = {
      'http/1.0': scope.counter('http10_found'),
      'http/1.1': scope.counter('http11_found'),
      h2c: scope.counter('http2_found'),
      none: scope.counter('http_not_found'),
    };
  }

  inspect(socket: Socket, findings: Findings, timeoutMs: number, tell: (verdict: Verdict) => void): void {
    if (findings.hello !== undefined) {
      tell('go-on');
      return;
    }
    peek(socket, timeoutMs, lookForHttp, found => {
      if (found === 'timed-out' || found === 'closed') {
        tell(found);
        return;
      }
      this.#counters[found].increment();
      if (found !== 'none') findings.applicationProtocols = [found];
      tell('go-on');
    });
  }
}

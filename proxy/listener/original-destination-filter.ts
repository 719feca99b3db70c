/**
 * Finds where a redirected connection was meant to go: from then on that is its local address.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter
 */
import type { Socket } from 'node:net';
import { originalDestinations } from '../net/original-destination.ts';
import type { Findings, ListenerFilter, Verdict } from './listener-filter.ts';

export class OriginalDestinationFilter implements ListenerFilter {
  readonly reads = false;
  readonly #find = originalDestinations();

  inspect(socket: Socket, findings: Findings, _timeoutMs: number, tell: (verdict: Verdict) => void): void {
    const found = this.#find(socket);
    if (found !== undefined) findings.localAddress = found;
    tell('go-on');
  }
}

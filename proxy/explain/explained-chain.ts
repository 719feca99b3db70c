/** A filter chain whose requests may be explained: what is written of it, and of its connection manager. */
import type { RequestHeaders } from '../http/headers.ts';
import type { FailedConnection } from '../listener/network-filter.ts';
import type { WrittenRoutes } from '../routing/route-source.ts';
import { StreamInfo } from '../stream-info.ts';
import { ConnectionDecisions, explainRefused } from './connection-decisions.ts';
import type { Decision } from './decision.ts';
import { Decisions } from './decisions.ts';
import type { Explain } from './explain.ts';
import { WrittenPart } from './written-part.ts';

export class ExplainedChain {
  readonly explain: Explain;
  readonly #listenerName: string;
  readonly #listener: WrittenPart;
  readonly #chain: WrittenPart;
  /** The filter that takes its connections: what it is configured with. */
  readonly terminal: WrittenPart | undefined;

  /** @param chain a part of the listener */
  constructor(explain: Explain, listenerName: string, listener: WrittenPart, chain: WrittenPart) {
    this.explain = explain;
    this.#listenerName = listenerName;
    this.#listener = listener;
    this.#chain = chain;
    this.terminal = chain.items('filters').at(-1)?.at('typed_config');
  }

  /** Undefined where nobody asks for this request. */
  begin(head: RequestHeaders, address: string): Decisions | undefined {
    return this.explain.wants(head) ? new Decisions(this, address) : undefined;
  }

  /** Undefined where nobody asks for this connection. */
  beginConnection(): ConnectionDecisions | undefined {
    return this.explain.wantsConnection() ? new ConnectionDecisions(this) : undefined;
  }

  /** Its last filter never got a connection. */
  refused(connection: FailedConnection): void {
    if (this.explain.wantsConnection()) explainRefused(this, failedInfo(connection), connection.reason);
  }

  /** The filters before the one that takes its connections. */
  get filtersBefore(): readonly WrittenPart[] {
    return this.#chain.items('filters').slice(0, -1);
  }

  get transportSocket(): WrittenPart | undefined {
    return this.#chain.at('transport_socket');
  }

  /** Why connections come to it. */
  reasons(address: string): Decision[] {
    const where = this.#chain.origin.path.at(-1);
    const chain: Decision = {
      by: 'filter chain',
      name: this.#chain.text('name') || (typeof where === 'number' ? `filter_chains[${where}]` : String(where)),
      why: this.#reason(),
      origin: (this.#chain.at('filter_chain_match') ?? this.#chain).origin,
    };
    const why = `took the connection at ${address}`;
    return [{ by: 'listener', name: this.#listenerName, why, origin: this.#listener.origin }, chain];
  }

  #reason(): string {
    if (this.#chain.at('filter_chain_match') !== undefined)
      return 'its filter_chain_match is the most specific that fits';
    if (typeof this.#chain.origin.path.at(-1) !== 'number') return 'no other chain fits the connection';
    return this.#listener.items('filter_chains').length === 1 ? 'the listener has no other' : 'it takes any connection';
  }

  /** The route configuration; undefined where none has come yet. */
  table(written: WrittenRoutes | undefined): WrittenPart | undefined {
    if (written === undefined) return undefined;
    if (!('document' in written)) return this.terminal?.at(...written);
    const { version, document } = written;
    const type = 'envoy.config.route.v3.RouteConfiguration';
    return WrittenPart.resource({ type, name: String(document.name ?? ''), version }, document);
  }

  /** @param index in the list where it stands, which may be that of an upgrade */
  filter(name: string, index: number): WrittenPart | undefined {
    const lists = [this.terminal, ...(this.terminal?.items('upgrade_configs') ?? [])];
    const all = lists.map(list => list?.at('http_filters', index) ?? list?.at('filters', index));
    return all.find(filter => filter?.text('name') === name);
  }
}

function failedInfo({ connection, flags, serverName, ...failed }: FailedConnection): StreamInfo {
  const info = new StreamInfo();
  info.startMs = performance.timeOrigin + performance.now() - failed.durationMs;
  info.durationMs = failed.durationMs;
  info.flags = flags;
  info.requestedServerName = serverName;
  info.downstreamRemoteAddress = failed.remoteAddress;
  info.downstreamLocalAddress = failed.localAddress;
  info.downstreamDirectLocalAddress = failed.localAddress;
  info.stoppedByFilter = connection?.stoppedByFilter;
  info.connectionTerminationDetails = connection?.connectionTerminationDetails ?? '';
  return info;
}

/** The listener filters of a listener: each looks at a connection in turn, within one time limit for all. */
import type { Socket } from 'node:net';
import type { Listener as Configuration } from '../api/envoy/config/listener/v3/listener_pb.js';
import type { ProxyProtocol } from '../api/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import type { TlsInspector as TlsInspectorConfiguration } from '../api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import type { UnpackedAny } from '../configuration/typed-config.ts';
import { milliseconds } from '../duration.ts';
import type { StatsStore } from '../stats/store.ts';
import { HttpInspector } from './http-inspector.ts';
import type { Findings, ListenerFilter, Verdict } from './listener-filter.ts';
import { type ConnectionTest, connectionTest } from './listener-filter-match.ts';
import { OriginalDestinationFilter } from './original-destination-filter.ts';
import { ProxyProtocolFilter } from './proxy-protocol.ts';
import { TlsInspector } from './tls-inspector.ts';

const prefix = 'envoy.extensions.filters.listener';

const makers: Record<string, (message: unknown, store: StatsStore) => ListenerFilter> = {
  [`${prefix}.tls_inspector.v3.TlsInspector`]: (message, store) =>
    new TlsInspector(message as TlsInspectorConfiguration, store),
  [`${prefix}.original_dst.v3.OriginalDst`]: () => new OriginalDestinationFilter(),
  [`${prefix}.http_inspector.v3.HttpInspector`]: (_, store) => new HttpInspector(store),
  [`${prefix}.proxy_protocol.v3.ProxyProtocol`]: (message, store) =>
    new ProxyProtocolFilter(message as ProxyProtocol, store),
};

interface Placed {
  filter: ListenerFilter;
  /** Which connections it does not see; undefined: it sees all. */
  isLeftOut?: ConnectionTest | undefined;
}

export class ListenerFilters {
  readonly #filters: readonly Placed[];
  readonly #timeoutMs: number;
  readonly #continuesOnTimeout: boolean;

  private constructor(filters: readonly Placed[], configuration: Configuration) {
    this.#filters = filters;
    this.#timeoutMs = milliseconds(configuration.listenerFiltersTimeout, 15_000);
    this.#continuesOnTimeout = configuration.continueOnListenerFiltersTimeout;
  }

  /** Undefined where nobody looks. */
  static of(configuration: Configuration, store: StatsStore): ListenerFilters | undefined {
    const filters: Placed[] = configuration.listenerFilters.map(({ configType, filterDisabled }) => {
      const message = configType.case === 'typedConfig' ? (configType.value as UnpackedAny).message : undefined;
      const make = makers[message?.$typeName ?? ''];
      if (make === undefined) throw new Error(`this listener filter is not supported: ${message?.$typeName}`);
      return { filter: make(message, store), isLeftOut: filterDisabled && connectionTest(filterDisabled) };
    });
    if (configuration.useOriginalDst) filters.push({ filter: new OriginalDestinationFilter() });
    return filters.length === 0 ? undefined : new ListenerFilters(filters, configuration);
  }

  /**
   * Tells whether the connection is served.
   * @param findings what is known already; what is found is added
   */
  inspect(socket: Socket, findings: Findings, tell: (verdict: Verdict) => void): void {
    const endsAt = performance.now() + this.#timeoutMs;
    const left = () => (this.#timeoutMs === 0 ? 0 : Math.max(1, endsAt - performance.now()));
    const next = (index: number): void => {
      const placed = this.#filters[index];
      if (placed === undefined) {
        tell('go-on');
        return;
      }
      const { filter, isLeftOut } = placed;
      if (isLeftOut?.(socket, findings)) {
        next(index + 1);
        return;
      }
      if (filter.reads) findings.read = true;
      filter.inspect(socket, findings, left(), verdict => {
        if (verdict === 'go-on') next(index + 1);
        else if (verdict === 'timed-out' && this.#continuesOnTimeout) tell('go-on');
        else tell(verdict);
      });
    };
    next(0);
  }
}

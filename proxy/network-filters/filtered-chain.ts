/** Filters before the one that takes the connections, as one that takes them. */

import type { ConnectionFacts, FailedConnection, TerminalFilter } from '../listener/network-filter.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import { nobody, type Transport } from '../net/transport.ts';
import type { CameRoutes } from '../routing/route-source.ts';
import { StreamInfo } from '../stream-info.ts';
import { FilteredConnection } from './filtered-connection.ts';
import type { NetworkFilterFactory } from './network-filter.ts';

export class FilteredChain implements TerminalFilter {
  readonly #filters: readonly NetworkFilterFactory[];
  readonly #terminal: TerminalFilter;
  /** Those that a filter stopped and has not closed yet, or lets wait. */
  readonly #stopped = new OpenConnections<FilteredConnection>();

  constructor(filters: readonly NetworkFilterFactory[], terminal: TerminalFilter) {
    this.#filters = filters;
    this.#terminal = terminal;
  }

  accept(transport: Transport, facts: ConnectionFacts): void {
    const startedMs = performance.now();
    const info = facts.connection ?? infoOf(transport, facts);
    const connection = new FilteredConnection(transport, info);
    this.#stopped.add(connection);
    connection.handler = { ...nobody, onClose: () => this.#onStoppedClosed(connection, performance.now() - startedMs) };
    connection.start(this.#filters, () => {
      this.#stopped.delete(connection);
      this.#terminal.accept(connection, { ...facts, connection: info });
    });
  }

  #onStoppedClosed(connection: FilteredConnection, durationMs: number): void {
    const { info } = connection;
    this.#terminal.refused({
      reason: '',
      by: 'filter',
      serverName: info.requestedServerName,
      tls: info.tls,
      flags: info.flags,
      remoteAddress: info.downstreamRemoteAddress,
      localAddress: info.downstreamLocalAddress,
      durationMs,
      connection: info,
    });
    this.#stopped.delete(connection);
  }

  refused(connection: FailedConnection): void {
    this.#terminal.refused(connection);
  }

  prepare(): Promise<void> {
    return this.#terminal.prepare();
  }

  get cameRoutes(): CameRoutes | undefined {
    return this.#terminal.cameRoutes;
  }

  drain(): void {
    this.#terminal.drain();
  }

  async empty(): Promise<void> {
    await this.#stopped.empty();
    await this.#terminal.empty();
  }

  destroy(): void {
    for (const connection of this.#stopped) connection.close();
    this.#terminal.destroy();
  }
}

/** What filters judge a connection by. */
function infoOf({ localAddress, remoteAddress }: Transport, facts: ConnectionFacts): StreamInfo {
  const info = new StreamInfo();
  info.protocol = '';
  info.requestedServerName = facts.serverName;
  info.tls = facts.tls;
  info.downstreamLocalAddress = facts.localAddress ?? localAddress;
  info.downstreamRemoteAddress = facts.remoteAddress ?? remoteAddress;
  info.downstreamDirectRemoteAddress = remoteAddress;
  return info;
}

/** The route of one stream, as its head met it last, and what it says of upgrades. */
import type { RequestHeaders } from '../http/headers.ts';
import type { RouteEntry } from '../routing/route-entry.ts';
import type { StreamInfo } from '../stream-info.ts';
import { wantedFacts } from '../wanted-facts.ts';
import type { ConnectionManager } from './connection-manager.ts';

export class StreamRoute {
  /** Undefined where none matches. */
  entry: RouteEntry | undefined;
  readonly #manager: ConnectionManager;
  readonly #info: StreamInfo;
  #random = -1;
  /** The stream is counted among the upgrades, granted or not. */
  #upgraded = false;

  constructor(manager: ConnectionManager, info: StreamInfo) {
    this.#manager = manager;
    this.#info = info;
  }

  /** The number of this request by which shares are decided. */
  random(): number {
    if (this.#random < 0) this.#random = Math.floor(Math.random() * 0x4000_0000);
    return this.#random;
  }

  /** Looks for the route, for the first time or again: headers may have changed. */
  find(head: RequestHeaders): void {
    const { routes } = this.#manager;
    const info = this.#info;
    info.routeSearches++;
    const begunMs = wantedFacts.routeTimes ? performance.now() : 0;
    const entry = routes.find(head, this.random(), info.metadata);
    if (wantedFacts.routeTimes) info.routeSearchMs = performance.now() - begunMs;
    this.entry = entry;
    info.decisions?.routed(routes, routes.locate(head, this.random(), info.metadata), head, entry);
    info.routed = entry !== undefined;
    info.virtualHost = entry?.host ?? routes.locate(head, this.random(), info.metadata).facts;
    info.routeName = entry?.name ?? '';
    info.routeMetadata = entry?.metadata;
    info.clusterName = entry?.cluster?.clusterName ?? '';
  }

  /**
   * Asks for a route that comes on demand.
   * @param onFound before `onDone`, where one came
   * @returns what gives up waiting; undefined where none comes on demand
   */
  demand(head: RequestHeaders, onFound: () => void, onDone: () => void): (() => void) | undefined {
    return this.#manager.routes.demand(head, found => {
      if (found) onFound();
      onDone();
    });
  }

  /** Whether the upgrade that is asked for is not allowed; where no route is, the router says so. */
  refusesUpgrade(head: RequestHeaders): boolean {
    if (head.upgrade === '') return false;
    this.#upgraded = this.#manager.beginUpgrade(head.upgrade, this.entry?.cluster?.upgrades);
    if (this.#upgraded || this.entry === undefined) return false;
    this.#manager.stats.rqWsOnNonWsRoute.increment();
    return true;
  }

  /** What the router goes by: a filter may have changed the route of an upgrade since nobody allowed it. */
  forRouter(head: RequestHeaders): RouteEntry | undefined {
    return head.upgrade === '' || this.#upgraded ? this.entry : undefined;
  }

  /** The stream is over. */
  end(): void {
    if (this.#upgraded) this.#manager.stats.cxUpgradesActive.decrement();
  }
}

/** What the connection manager or a route says of upgrades: which may take place, and whether CONNECT ends here. */
import type { RouteAction_UpgradeConfig_ConnectConfig as ConnectConfig } from '../api/envoy/config/route/v3/route_components_pb.js';

interface Configuration {
  upgradeType: string;
  enabled?: boolean | undefined;
  connectConfig?: ConnectConfig | undefined;
}

export class Upgrades {
  /** By the name of the protocol in lower case; `connect` is CONNECT. */
  readonly #enabled: ReadonlyMap<string, boolean>;
  /** Undefined: CONNECT is passed on. */
  readonly #connect: ConnectConfig | undefined;

  constructor(configurations: readonly Configuration[]) {
    this.#enabled = new Map(configurations.map(one => [one.upgradeType.toLowerCase(), one.enabled ?? true]));
    this.#connect = configurations.find(one => one.enabled !== false && one.connectConfig)?.connectConfig;
  }

  /** Whether an upgrade may take place. What the route says, where it says something, comes before this. */
  allow(token: string, route?: Upgrades): boolean {
    return route?.of(token) ?? this.of(token) ?? false;
  }

  of(token: string): boolean | undefined {
    return this.#enabled.get(token);
  }

  /** Whether requests of this method end here, and their data are passed on as TCP. */
  endsHere(method: string): boolean {
    return this.#connect !== undefined && (method === 'CONNECT' || (method === 'POST' && this.#connect.allowPost));
  }
}

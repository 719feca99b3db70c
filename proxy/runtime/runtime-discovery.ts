/** A layer of runtime values that comes and changes while the proxy runs. */
import type { RuntimeLayer_RtdsLayer as RtdsLayer } from '../api/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { isObject, type JsonObject } from '../configuration/json.ts';
import type { StatsScope } from '../stats/store.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';

/** Takes the values of a layer. @throws Error for those that cannot be */
export type SetLayer = (values: JsonObject) => void;

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime#runtime-discovery-service-rtds */
export class RuntimeDiscovery implements Consumer {
  readonly #name: string;
  readonly #setLayer: SetLayer;
  readonly #subscription: Subscription;

  /** @param scope of the statistics that all layers share */
  constructor(layer: RtdsLayer, xds: XdsContext, scope: StatsScope, setLayer: SetLayer) {
    this.#name = layer.name;
    this.#setLayer = setLayer;
    const interest = { typeName: 'envoy.service.runtime.v3.Runtime', names: [this.#name] };
    this.#subscription = xds.subscribe(layer.rtdsConfig, interest, scope, this);
  }

  /** Ends when the layer has its first values, or when none came in time. */
  start(): Promise<void> {
    return this.#subscription.start();
  }

  stop(): void {
    this.#subscription.stop();
  }

  accept({ resources, removed = [], refused }: Update): void {
    refuseAll(refused);
    if (resources.length + removed.length !== 1) {
      const counts = `number of added resources ${resources.length}, number of removed resources ${removed.length}`;
      throw new UpdateRefused(`Unexpected RTDS resource length, ${counts}`);
    }
    const [resource] = resources;
    if (resource !== undefined && resource.name !== this.#name)
      throw new UpdateRefused(`Unexpected RTDS runtime (expecting ${this.#name}): ${resource.name}`);
    const values = resource?.document.layer;
    try {
      this.#setLayer(isObject(values) ? values : {});
    } catch (error) {
      throw new UpdateRefused((error as Error).message);
    }
  }
}

/** What a proxy is configured with in a soak, and how that changes every second. */
import { setTimeout as wait } from 'node:timers/promises';
import { readStats } from '../../conformance/scenario.ts';
import { XdsServer } from '../../conformance/xds-server.ts';
import type { Versions } from './load.ts';
import { services, type Upstreams } from './upstreams.ts';

type Json = Record<string, unknown>;

export interface Ports {
  listener: number;
  admin: number;
  control: number;
}

const everyMs = 1000;
/** How long a new cluster may take to find its hosts. */
const warmingMs = 10_000;
/** Routes that were replaced so many seconds ago must not be met. */
const staleAfter = 10;

const api = (type: string) => `type.googleapis.com/envoy.${type}`;
const address = (port: number): Json => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const source = { resource_api_version: 'V3', ads: {} };

/** A proxy that asks for all but its listener. */
export function bootstrap({ listener, admin, control }: Ports): Json {
  const manager = {
    '@type': api('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'soak',
    rds: { route_config_name: 'routes', config_source: source },
    http_filters: [{ name: 'router', typed_config: { '@type': api('extensions.filters.http.router.v3.Router') } }],
  };
  const filters = [{ name: 'http', typed_config: manager }];
  const service = { envoy_grpc: { cluster_name: 'control-plane' } };
  const options = 'extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    node: { id: 'soak', cluster: 'soak' },
    admin: { address: address(admin) },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [service] },
      cds_config: source,
    },
    static_resources: {
      listeners: [{ name: 'main', address: address(listener), filter_chains: [{ filters }] }],
      clusters: [
        {
          name: 'control-plane',
          connect_timeout: '5s',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'control-plane',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(control) } }] }],
          },
          typed_extension_protocol_options: {
            [`envoy.${options}`]: { '@type': api(options), explicit_http_config: { http2_protocol_options: {} } },
          },
        },
      ],
    },
  };
}

const unbounded = { max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000, max_retries: 10_000 };

const clusterName = (service: string, version: number) => `${service}-${version}`;

const cluster = (name: string): Json => ({
  '@type': api('config.cluster.v3.Cluster'),
  name,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: source },
  circuit_breakers: { thresholds: [unbounded] },
});

const assignment = (name: string, ports: number[]): Json => ({
  '@type': api('config.endpoint.v3.ClusterLoadAssignment'),
  cluster_name: name,
  endpoints: [{ lb_endpoints: ports.map(port => ({ endpoint: { address: address(port) } })) }],
});

/** As many tries as a proxy needs that knows of a dead host only once it has tried it. */
const retries = {
  retry_on: 'connect-failure,refused-stream,reset,5xx',
  num_retries: 5,
  retry_host_predicate: [
    {
      name: 'previous',
      typed_config: { '@type': api('extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate') },
    },
  ],
  host_selection_retry_max_attempts: 3,
};

const routes = (version: number): Json => ({
  '@type': api('config.route.v3.RouteConfiguration'),
  name: 'routes',
  response_headers_to_add: [{ header: { key: 'x-version', value: String(version) } }],
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: services.map(service => ({
        match: { prefix: `/${service}/` },
        route: { cluster: clusterName(service, version), timeout: '10s', retry_policy: retries },
      })),
    },
  ],
});

/** Publishes another version every second: new clusters that take over from those before, hosts that leave and come back, other routes. */
export class Control implements Versions {
  readonly #server = new XdsServer();
  readonly #upstreams: Upstreams;
  readonly #admin: number;
  /** When the routes of each version were published, from the first on. */
  readonly #published: number[] = [];
  readonly #stop = new AbortController();
  #changing: Promise<void> = Promise.resolve();
  #version = 1;

  private constructor(upstreams: Upstreams, admin: number) {
    this.#upstreams = upstreams;
    this.#admin = admin;
  }

  /** With a first version. */
  static async start(upstreams: Upstreams, { control, admin }: Ports): Promise<Control> {
    const made = new Control(upstreams, admin);
    await made.#server.listen(control);
    made.#publishClusters();
    made.#publishRoutes();
    return made;
  }

  newest(): number {
    return this.#version;
  }

  oldest(): number {
    const before = performance.now() - staleAfter * 1000;
    return this.#published.findLastIndex(at => at < before) + 1;
  }

  change(): void {
    this.#changing = this.#changeInTurn();
  }

  /** The last version stays. */
  async rest(): Promise<void> {
    this.#stop.abort();
    await this.#changing;
  }

  async stop(): Promise<void> {
    await this.rest();
    await this.#server.close();
  }

  async #changeInTurn(): Promise<void> {
    const pause = (ms: number) => wait(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    for (let due = performance.now() + everyMs; !this.#stop.signal.aborted; due += everyMs) {
      await pause(Math.max(0, due - performance.now()));
      if (this.#stop.signal.aborted) return;
      this.#version++;
      this.#publishClusters();
      await this.#warmed(pause);
      this.#publishRoutes();
      this.#server.record.length = 0;
    }
  }

  /** New clusters beside those that the routes name. */
  #publishClusters(): void {
    const version = this.#version;
    const named = services.flatMap(service =>
      [version - 1, version].filter(one => one > 0).map(one => ({ service, name: clusterName(service, one) })),
    );
    const left = (service: string) => this.#upstreams.portsOf(service).filter((_, i) => i !== version % 6);
    this.#server.publish(
      'CDS',
      `c${version}`,
      named.map(({ name }) => cluster(name)),
    );
    this.#server.publish(
      'EDS',
      `e${version}`,
      named.map(({ service, name }) => assignment(name, left(service))),
    );
  }

  #publishRoutes(): void {
    this.#published.push(performance.now());
    this.#server.publish('RDS', `r${this.#version}`, [routes(this.#version)]);
  }

  /** As a control plane has to: routes follow the clusters. */
  async #warmed(pause: (ms: number) => Promise<unknown>): Promise<void> {
    const names = services.map(service => `cluster.${clusterName(service, this.#version)}.membership_total`);
    for (const until = performance.now() + warmingMs; !this.#stop.signal.aborted; await pause(20)) {
      const found = Object.values(await readStats(this.#admin, names));
      if (found.every(count => Number(count) > 0)) return;
      if (performance.now() > until) throw new Error('new clusters have found no hosts');
    }
  }
}

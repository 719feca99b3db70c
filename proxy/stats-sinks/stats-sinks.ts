/**
 * Sends statistics elsewhere, at each flush: what counters grew by, what gauges say; and values of histograms at once.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto
 */

import type { Address } from '../api/envoy/config/core/v3/address_pb.js';
import type { StatsSink as Configuration, DogStatsdSink, StatsdSink } from '../api/envoy/config/metrics/v3/stats_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { typedConfig } from '../configuration/typed-config.ts';
import type { StatsStore } from '../stats/store.ts';
import { dogStatsdFormat, type LineFormat, statsdFormat } from './statsd-format.ts';
import { TcpOutput } from './tcp-output.ts';
import { UdpOutput } from './udp-output.ts';

/** The way of lines to whoever collects them. */
export interface LineOutput {
  /** Sends these lines, together as far as may be. */
  send(lines: readonly string[]): void;
  close(): void;
}

export interface SinkContext {
  store: StatsStore;
  /** Finds it for each connection anew. */
  cluster: (name: string) => Cluster | undefined;
  nodeId: string;
  nodeCluster: string;
}

interface Sink {
  format: LineFormat;
  output: LineOutput;
}

/** All sinks of the process. */
export class StatsSinks {
  readonly #sinks: readonly Sink[];
  readonly #store: StatsStore;
  /** What counters had at the last flush. */
  readonly #counted = new Map<string, number>();

  constructor(configurations: readonly Configuration[], context: SinkContext) {
    const { store } = context;
    this.#store = store;
    this.#sinks = configurations.map(configuration => makeSink(configuration, context));
    if (this.#sinks.length > 0) store.onRecord = (name, value) => this.#record(name, value);
  }

  flush(): void {
    if (this.#sinks.length === 0) return;
    const counters = this.#growth();
    const gauges = [...this.#store.gauges.values()].filter(({ used }) => used);
    for (const { format, output } of this.#sinks)
      output.send([
        ...counters.map(([name, value]) => format(name, value, 'c')),
        ...gauges.map(({ name, value, exact }) => format(name, exact ?? value, 'g')),
      ]);
  }

  #growth(): [name: string, value: number][] {
    const growth: [string, number][] = [];
    for (const { name, value, used } of this.#store.counters.values()) {
      if (!used) continue;
      const before = this.#counted.get(name) ?? 0;
      // They were reset meanwhile.
      growth.push([name, value < before ? value : value - before]);
      this.#counted.set(name, value);
    }
    return growth;
  }

  #record(name: string, value: number): void {
    for (const { format, output } of this.#sinks) output.send([format(name, value, 'ms')]);
  }

  close(): void {
    this.#store.onRecord = undefined;
    for (const { output } of this.#sinks) output.close();
  }
}

function makeSink(configuration: Configuration, context: SinkContext): Sink {
  const any = configuration.configType.value;
  const statsd = typedConfig<StatsdSink>(any, 'envoy.config.metrics.v3.StatsdSink');
  if (statsd !== undefined) {
    const { statsdSpecifier: to, prefix } = statsd;
    const output = to.case === 'tcpClusterName' ? tcpOutput(to.value, context) : udpOutput(to.value, 0);
    return { format: statsdFormat(prefix), output };
  }
  const dog = typedConfig<DogStatsdSink>(any, 'envoy.config.metrics.v3.DogStatsdSink');
  if (dog !== undefined) {
    const { dogStatsdSpecifier: to, prefix, maxBytesPerDatagram } = dog;
    return { format: dogStatsdFormat(prefix), output: udpOutput(to.value, Number(maxBytesPerDatagram ?? 0)) };
  }
  throw new Error(
    `Didn't find a registered implementation for '${configuration.name}' with type URL: '${any?.typeUrl ?? ''}'`,
  );
}

function tcpOutput(clusterName: string, { cluster, nodeId, nodeCluster }: SinkContext): TcpOutput {
  if (nodeId === '' || nodeCluster === '')
    throw new Error(
      "tcp statsd: node 'id' and 'cluster' are required. Set it either in 'node' config or via --service-node and --service-cluster options.",
    );
  if (cluster(clusterName) === undefined) throw new Error(`tcp statsd: unknown cluster '${clusterName}'`);
  return new TcpOutput(clusterName, cluster);
}

function udpOutput(address: Address | undefined, mostBytes: number): UdpOutput {
  if (address?.address.case !== 'socketAddress') throw new Error('a statsd sink takes an address of IP and port');
  const { address: host, portSpecifier } = address.address.value;
  return new UdpOutput(host, portSpecifier.case === 'portValue' ? portSpecifier.value : 0, mostBytes);
}

/**
 * The hosts of an ORIGINAL_DST cluster: whatever clients meant, by their connections, by a header or by what filters say.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#original-destination
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Cluster as Configuration } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { milliseconds } from '../duration.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { splitAddress } from '../net/address-range.ts';
import { usualForm } from '../net/original-destination.ts';
import { formatAddress } from '../net/transport.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Publish } from './endpoints.ts';
import { Host } from './host.ts';

interface Known {
  host: Host;
  /** Since hosts were last cleaned up. */
  used: boolean;
}

export class OriginalDestinations {
  readonly #name: string;
  /** Undefined: no header is asked. */
  readonly #header: string | undefined;
  /** Undefined: as the client meant. */
  readonly #port: number | undefined;
  readonly #metadata: { namespace: string; keys: readonly string[] } | undefined;
  readonly #cleanupMs: number;
  readonly #invalid: Counter;
  readonly #publish: Publish;
  /** By address. */
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: Configuration, scope: StatsScope, publish: Publish) {
    const { case: kind, value: rules } = cluster.lbConfig;
    const stated = kind === 'originalDstLbConfig' ? rules : undefined;
    this.#name = cluster.name;
    if (stated?.useHttpHeader) this.#header = stated.httpHeaderName.toLowerCase() || 'x-envoy-original-dst-host';
    this.#port = stated?.upstreamPortOverride;
    const key = stated?.metadataKey;
    if (key !== undefined) {
      const keys = key.path.map(({ segment }) => segment.value ?? '');
      this.#metadata = { namespace: key.key, keys };
    }
    this.#cleanupMs = milliseconds(cluster.cleanupInterval, 5000);
    this.#invalid = scope.counter('original_dst_host_invalid');
    this.#publish = publish;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#cleanUp(), this.#cleanupMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * The host that the client meant; made where it is not known yet. Undefined where nobody says.
   * @param head of the request; undefined where there is none
   */
  choose(info: StreamInfo, head: RequestHeaders | undefined): Host | undefined {
    const meant = this.#byMetadata(info) ?? this.#byHeader(head) ?? info.originalDestination;
    if (meant === '') return undefined;
    const address = this.#port === undefined ? meant : formatAddress(splitAddress(meant).address, this.#port);
    const known = this.#known.get(address);
    if (known === undefined) return this.#add(address);
    known.used = true;
    return known.host;
  }

  #byMetadata(info: StreamInfo): string | undefined {
    if (this.#metadata === undefined) return undefined;
    const value = info.metadata?.at(this.#metadata.namespace, this.#metadata.keys);
    return typeof value === 'string' ? this.#valid(value) : undefined;
  }

  #byHeader(head: RequestHeaders | undefined): string | undefined {
    const value = this.#header && head?.get(this.#header);
    return value === undefined || value === '' ? undefined : this.#valid(value);
  }

  #valid(text: string): string | undefined {
    const address = parseAddress(text);
    if (address === undefined) this.#invalid.increment();
    return address;
  }

  #add(name: string): Host {
    const { address, port } = splitAddress(name);
    const host = new Host({
      ...{ address, port, hostname: `${this.#name}${name}`, weight: 1, priority: 0 },
      ...{ region: '', zone: '', subZone: '', localityWeight: 0, stated: 'healthy' },
      check: { address: '', port: 0, hostname: '', disabled: false },
      ...{ metadata: undefined, socketMatch: undefined },
    });
    this.#known.set(name, { host, used: true });
    this.#tell();
    return host;
  }

  /** A host that nobody asked for a while, and that has no connection, is forgotten. */
  #cleanUp(): void {
    const before = this.#known.size;
    for (const [address, known] of this.#known) {
      const { cx_active: connections, rq_pending_active: waiting } = known.host.gauges;
      if (!known.used && connections === 0 && waiting === 0) this.#known.delete(address);
      known.used = false;
    }
    if (this.#known.size < before) this.#tell();
  }

  #tell(): void {
    this.#publish(
      [...this.#known.values()].map(({ host }) => host),
      undefined,
    );
  }
}

/** `1.2.3.4:80` or `[::1]:80` in its usual form; undefined where it is neither. */
function parseAddress(text: string): string | undefined {
  const { address, port } = splitAddress(text);
  const [inBrackets, hasPort] = [text.startsWith('['), /:\d{1,5}$/.test(text)];
  const isAddress = inBrackets ? isIPv6(address) && text.includes(']:') : isIPv4(address);
  return isAddress && hasPort && port < 65_536 ? formatAddress(usualForm(address), port) : undefined;
}

/** Explains requests and connections: which are to be explained, and what decided the last of them. */
import type { DynamicResource } from '../admin-source.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { JsonObject } from '../configuration/json.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { formatFlags, type StreamInfo } from '../stream-info.ts';
import type { Decision, Explanation } from './decision.ts';
import { WrittenPart } from './written-part.ts';

/** A request with it asks to be explained. It is passed on, so that the next proxy may explain it too. */
const header = 'x-explain';
/** More are not kept: the oldest goes. */
export const mostKept = 100;
/** Of texts that clients choose, in characters. */
const longestText = 1024;

export class Explain {
  readonly #share: number;
  readonly #bootstrap: WrittenPart;
  readonly #kept: Explanation[] = [];
  #dynamicCluster: (name: string) => DynamicResource | undefined = () => undefined;
  #count = 0;
  /** Those that were kept since `take`. */
  #fresh: Explanation[] = [];
  readonly #idPrefix: string;

  /**
   * @param share of the requests that do not ask themselves, from 0 to 1
   * @param bootstrap in canonical JSON
   * @param idPrefix of the ids that it makes itself: another for each worker
   */
  constructor(share: number, bootstrap: JsonObject, idPrefix = '') {
    this.#idPrefix = idPrefix;
    this.#share = share;
    this.#bootstrap = WrittenPart.bootstrap(bootstrap);
  }

  /** @param find a cluster that came while the proxy runs, as it is now */
  connect(find: (name: string) => DynamicResource | undefined): void {
    this.#dynamicCluster = find;
  }

  wants(head: RequestHeaders): boolean {
    return head.has(header) || this.wantsConnection();
  }

  /** Connections cannot ask for it. */
  wantsConnection(): boolean {
    return this.#share > 0 && Math.random() < this.#share;
  }

  /** @param index among the bootstrap's listeners */
  listener(index: number): WrittenPart | undefined {
    return this.#bootstrap.at('static_resources', 'listeners', index);
  }

  cluster(name: string): WrittenPart | undefined {
    const came = this.#dynamicCluster(name);
    if (came !== undefined)
      return WrittenPart.resource(
        { type: 'envoy.config.cluster.v3.Cluster', name, version: came.version },
        came.document,
      );
    return this.#bootstrap.items('static_resources', 'clusters').find(cluster => cluster.text('name') === name);
  }

  /** Where a host of a cluster is named; undefined where that is not known. */
  endpoint(part: WrittenPart | undefined, { endpointsName, assignment }: Cluster, host: Host): WrittenPart | undefined {
    if (endpointsName === undefined) return endpointOf(part?.at('load_assignment'), host);
    if (assignment === undefined) return undefined;
    const { version, document } = assignment;
    const type = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
    const came = WrittenPart.resource({ type, name: endpointsName, version }, document);
    return endpointOf(came, host) ?? came;
  }

  /** Keeps what decided a request that is over. */
  keep(info: StreamInfo, decisions: readonly Decision[]): void {
    const head = info.requestHeaders;
    this.#keep({
      ...this.#common(info, info.requestId),
      method: cut(head?.method ?? ''),
      authority: cut(head?.authority ?? ''),
      path: cut(info.originalPath),
      status: info.responseCode,
      decisions,
    });
  }

  /** Keeps what decided a connection that is over. */
  keepConnection(info: StreamInfo, decisions: readonly Decision[]): void {
    this.#keep({
      ...this.#common(info, info.streamId),
      protocol: 'TCP',
      details: cut(info.connectionTerminationDetails),
      remoteAddress: info.downstreamRemoteAddress,
      localAddress: info.downstreamLocalAddress,
      serverName: cut(info.requestedServerName),
      bytesReceived: info.bytesReceived,
      bytesSent: info.bytesSent,
      decisions,
    });
  }

  #common(info: StreamInfo, id: string) {
    this.#count++;
    return {
      id: cut(id) || `${this.#idPrefix}${this.#count}`,
      atMs: info.startMs,
      protocol: info.protocol,
      flags: formatFlags(info.flags),
      details: cut(info.responseCodeDetails),
      durationMs: info.durationMs,
    };
  }

  #keep(explanation: Explanation): void {
    this.#kept.unshift(explanation);
    if (this.#kept.length > mostKept) this.#kept.pop();
    this.#fresh.push(explanation);
    if (this.#fresh.length > mostKept) this.#fresh.shift();
  }

  /** What was kept since the last time, for another worker that tells of all. */
  take(): readonly Explanation[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Keeps what another worker explained. */
  merge(explanations: readonly Explanation[]): void {
    if (explanations.length === 0) return;
    const endMs = ({ atMs, durationMs }: Explanation): number => atMs + durationMs;
    this.#kept.push(...explanations);
    this.#kept.sort((one, other) => endMs(other) - endMs(one));
    this.#kept.length = Math.min(this.#kept.length, mostKept);
  }

  /** The last ones, the newest first. */
  get last(): readonly Explanation[] {
    return this.#kept;
  }

  /** The newest of this id. */
  find(id: string): Explanation | undefined {
    return this.#kept.find(one => one.id === id);
  }
}

/** The endpoint of an assignment that a host was made of. */
function endpointOf(assignment: WrittenPart | undefined, { address, hostname, port }: Host): WrittenPart | undefined {
  const all = assignment?.items('endpoints').flatMap(locality => locality.items('lb_endpoints')) ?? [];
  return all.find(one => {
    const written = one.at('endpoint', 'address', 'socket_address');
    const names = [one.text('endpoint', 'hostname'), written?.text('address')];
    const named = names.some(name => name === address || (name !== '' && name === hostname));
    return named && Number(written?.text('port_value')) === port;
  });
}

function cut(text: string): string {
  return text.length > longestText ? text.slice(0, longestText) : text;
}

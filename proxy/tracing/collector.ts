/** Where spans are sent to: a cluster, and how a request to it begins. */
import type { Cluster } from '../cluster/cluster.ts';
import { RequestHeaders } from '../http/headers.ts';
import { OwnRequest } from '../router/own-request.ts';

export interface CollectorAddress {
  cluster: string;
  authority: string;
  path: string;
  contentType: string;
  /** Name, value, name, value … of further headers. */
  headers: readonly string[];
}

/** How a report ended: the status of the answer, or why there is none. */
export type ReportResult = number | 'no-cluster' | 'failed';

export class Collector {
  readonly #address: CollectorAddress;
  readonly #cluster: (name: string) => Cluster | undefined;

  constructor(address: CollectorAddress, cluster: (name: string) => Cluster | undefined) {
    this.#address = address;
    this.#cluster = cluster;
  }

  /** @param timeoutMs 0: it may take any time */
  post(body: Buffer, timeoutMs: number, onDone: (result: ReportResult) => void): void {
    const { cluster: name, authority, path, contentType, headers } = this.#address;
    const cluster = this.#cluster(name);
    if (cluster === undefined) {
      onDone('no-cluster');
      return;
    }
    const head = new RequestHeaders();
    head.method = 'POST';
    head.authority = authority;
    head.path = path;
    head.set('content-type', contentType);
    for (let i = 0; i < headers.length; i += 2) head.set(headers[i]!, headers[i + 1]!);
    const request = new OwnRequest(head, cluster, timeoutMs, response => onDone(response?.head.status ?? 'failed'));
    if (timeoutMs > 0) head.set('x-envoy-expected-rq-timeout-ms', String(timeoutMs));
    request.send([body]);
  }
}

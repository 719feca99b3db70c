/**
 * Copies of a request for other clusters, sent on as the request comes. Nobody waits for their answers, and what goes wrong with them nobody sees; but
 * as in Envoy a cluster that reads slowly slows down the client.
 */
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import type { ClusterAction } from '../routing/cluster-action.ts';
import { OwnRequest } from './own-request.ts';

/** Whom copies hold back. */
export interface MirroredStream {
  /** The number of the request by which shares are decided. */
  random(): number;
  pauseRequest(): void;
  resumeRequest(): void;
}

export class Mirror {
  #copies: readonly OwnRequest[];

  private constructor(copies: readonly OwnRequest[]) {
    this.#copies = copies;
  }

  /** The copies that a route asks for; undefined where it asks for none. */
  static of(action: ClusterAction, head: RequestHeaders, stream: MirroredStream): Mirror | undefined {
    const copies: OwnRequest[] = [];
    for (const policy of action.mirrorPolicies) {
      const cluster = policy.choose(head, stream.random());
      if (cluster === undefined) continue;
      const copy = head.clone();
      if (!policy.keepsHost) copy.authority = shadowed(copy.authority);
      const onCongested = (congested: boolean) => (congested ? stream.pauseRequest() : stream.resumeRequest());
      copies.push(new OwnRequest(copy, cluster, action.timeoutMs, undefined, { onCongested }));
    }
    return copies.length === 0 ? undefined : new Mirror(copies);
  }

  start(end: boolean): void {
    for (const copy of this.#copies) copy.begin(end);
    if (end) this.#copies = [];
  }

  data(chunk: Buffer, end: boolean): void {
    for (const copy of this.#copies) copy.sendData(chunk, end);
    if (end) this.#copies = [];
  }

  trailers(trailers: HeaderMap): void {
    for (const copy of this.#copies) copy.sendTrailers(trailers);
    this.#copies = [];
  }

  /** The request is over. Copies that are not whole by now never will be. */
  stop(): void {
    for (const copy of this.#copies) copy.cancel();
    this.#copies = [];
  }
}

/** `host-shadow`, before the port. */
function shadowed(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}

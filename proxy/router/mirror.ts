/** Copies of a request for other clusters. Nobody waits for their answers, and what goes wrong with them nobody sees. */
import type { HeaderMap, RequestHeaders } from '../http/headers.ts';
import type { ClusterAction } from '../routing/cluster-action.ts';
import { OwnRequest } from './own-request.ts';

/** Collects a request and sends its copies once it is whole, as Envoy does. */
export class Mirror {
  readonly #copies: OwnRequest[];
  readonly #limit: number;
  #body: Buffer[] = [];
  #bytes = 0;
  #over = false;

  private constructor(copies: OwnRequest[], limit: number) {
    this.#copies = copies;
    this.#limit = limit;
  }

  /**
   * The copies that a route asks for; undefined where it asks for none.
   * @param random the number of the request by which shares are decided
   */
  static of(action: ClusterAction, head: RequestHeaders, random: number, limit: number): Mirror | undefined {
    const copies: OwnRequest[] = [];
    for (const policy of action.mirrorPolicies) {
      const cluster = policy.choose(head, random);
      if (cluster === undefined) continue;
      const copy = head.clone();
      if (!policy.keepsHost) copy.authority = shadowed(copy.authority);
      copies.push(new OwnRequest(copy, cluster, action.timeoutMs));
    }
    return copies.length === 0 ? undefined : new Mirror(copies, limit);
  }

  /** @returns false where the body is too large to be kept: then there are no copies. */
  data(chunk: Buffer, end: boolean): boolean {
    if (this.#over) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limit) {
      this.#over = true;
      this.#body = [];
      return false;
    }
    // A chunk is valid during the call only.
    if (chunk.length > 0) this.#body.push(Buffer.from(chunk));
    if (end) this.send();
    return true;
  }

  send(trailers?: HeaderMap): void {
    if (this.#over) return;
    this.#over = true;
    for (const copy of this.#copies) copy.send(this.#body, trailers);
  }
}

/** `host-shadow`, before the port. */
function shadowed(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}

/** Whom a connection by TLS is for: what requests call the host, where the cluster says so. */
import { isIP } from 'node:net';
import type { UpstreamHttpProtocolOptions } from '../api/envoy/config/core/v3/protocol_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { PeerName } from '../tls/tls-client.ts';

export class PeerNaming {
  readonly #options: UpstreamHttpProtocolOptions | undefined;
  /** One object for each name that is in use, which pools and sessions are told apart by. */
  readonly #names = new Map<string, WeakRef<PeerName>>();

  /** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto (upstreamhttpprotocoloptions) */
  constructor(options: UpstreamHttpProtocolOptions | undefined) {
    this.#options = options?.autoSni || options?.autoSanValidation ? options : undefined;
  }

  /** Undefined where the configuration says it. */
  of(head: RequestHeaders): PeerName | undefined {
    if (this.#options === undefined) return undefined;
    const { overrideAutoSniHeader: header } = this.#options;
    const host = hostOf((header && head.get(header)) || head.authority);
    const known = this.#names.get(host)?.deref();
    if (known !== undefined) return known;
    const named = this.#make(host, this.#options);
    for (const [name, reference] of this.#names) if (reference.deref() === undefined) this.#names.delete(name);
    this.#names.set(host, new WeakRef(named));
    return named;
  }

  #make(host: string, { autoSni, autoSanValidation }: UpstreamHttpProtocolOptions): PeerName {
    // An address is no name that could be told.
    const serverName = autoSni && isIP(host) === 0 ? host : undefined;
    return { serverName, expected: autoSanValidation ? host : undefined };
  }
}

/** In lower case, without the port. */
function hostOf(authority: string): string {
  const bracketed = /^\[(.*)\](?::\d+)?$/.exec(authority)?.[1];
  return (bracketed ?? authority.replace(/:\d*$/, '')).toLowerCase();
}

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

  /**
   * Undefined where the configuration says it.
   * @param stated the name that a filter wants hosts to be told, whatever a request calls them; '' and undefined: none
   */
  of(head: RequestHeaders, stated?: string): PeerName | undefined {
    const options = this.#options;
    if (options === undefined) return stated ? this.stated(stated) : undefined;
    const { overrideAutoSniHeader: header } = options;
    const host = hostOf((header && head.get(header)) || head.authority);
    if (!stated) return this.#kept(host, () => this.#make(host, options));
    const expected = options.autoSanValidation ? host : undefined;
    return this.#kept(`${stated}\0${host}`, () => ({ serverName: stated, expected }));
  }

  /** For a connection that no request names. */
  stated(serverName: string): PeerName {
    return this.#kept(`${serverName}\0`, () => ({ serverName, expected: undefined }));
  }

  #kept(key: string, make: () => PeerName): PeerName {
    const known = this.#names.get(key)?.deref();
    if (known !== undefined) return known;
    const named = make();
    for (const [name, reference] of this.#names) if (reference.deref() === undefined) this.#names.delete(name);
    this.#names.set(key, new WeakRef(named));
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

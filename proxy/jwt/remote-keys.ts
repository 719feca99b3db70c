/** Key sets that are fetched through a cluster, and kept for a while. */
import type { RemoteJwks } from '../api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js';
import type { Cluster } from '../cluster/cluster.ts';
import { milliseconds } from '../duration.ts';
import { RequestHeaders } from '../http/headers.ts';
import { OwnRequest } from '../router/own-request.ts';
import { KeySet } from './key-set.ts';

const usualCacheMs = 600_000;
/** As Envoy introduces itself where it asks for keys. */
const userAgent = 'Go-browser';

export class RemoteKeys {
  readonly #clusterName: string;
  readonly #authority: string;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #cacheMs: number;
  #keys: KeySet | undefined;
  #expiresAt = 0;

  constructor({ httpUri, cacheDuration }: RemoteJwks) {
    const [, authority = '', path = ''] = /^(?:[^/]*:\/\/)?([^/?#]*)(.*)$/.exec(httpUri?.uri ?? '') ?? [];
    const upstream = httpUri?.httpUpstreamType;
    this.#clusterName = upstream?.case === 'cluster' ? upstream.value : '';
    this.#authority = authority;
    this.#path = path === '' ? '/' : path;
    this.#timeoutMs = milliseconds(httpUri?.timeout, 0);
    this.#cacheMs = milliseconds(cacheDuration, usualCacheMs);
  }

  /** The keys that were fetched, until they are too old. */
  get current(): KeySet | undefined {
    return performance.now() < this.#expiresAt ? this.#keys : undefined;
  }

  /**
   * Fetches the keys. As in Envoy each request that needs them fetches for itself.
   * @param onDone is told the keys, or undefined where there are none; maybe before this returns
   * @returns what gives the fetch up
   */
  fetch(cluster: (name: string) => Cluster | undefined, onDone: (keys: KeySet | undefined) => void): () => void {
    const found = cluster(this.#clusterName);
    if (found === undefined) {
      onDone(undefined);
      return () => {};
    }
    const head = new RequestHeaders();
    head.method = 'GET';
    head.authority = this.#authority;
    head.path = this.#path;
    head.set('user-agent', userAgent);
    const request = new OwnRequest(head, found, this.#timeoutMs, response => {
      const text = response?.head.status === 200 ? response.body.toString('utf8') : '';
      const keys = text === '' ? undefined : KeySet.parse(text);
      if (keys instanceof KeySet) {
        this.#keys = keys;
        this.#expiresAt = performance.now() + this.#cacheMs;
      }
      onDone(keys instanceof KeySet ? keys : undefined);
    });
    if (this.#timeoutMs > 0) head.set('x-envoy-expected-rq-timeout-ms', String(this.#timeoutMs));
    request.send([]);
    return () => request.cancel();
  }
}

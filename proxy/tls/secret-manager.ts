/** The secrets of a proxy: who asks for the same one shares it, and where its connections' own are told. */
import type { LogTargets } from '../access-log/sink.ts';
import type { DynamicResource } from '../admin-source.ts';
import type { SdsSecretConfig } from '../api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { StatsStore } from '../stats/store.ts';
import { requireXds, type XdsContext } from '../xds/xds-context.ts';
import { Secret, type SecretUser } from './secret.ts';

export class SecretManager {
  /** Where the keys of handshakes may be written; undefined: nowhere. */
  readonly keyLogs: LogTargets | undefined;
  readonly #xds: XdsContext | undefined;
  readonly #store: StatsStore;
  readonly #secrets = new Map<string, Secret>();

  constructor(xds: XdsContext | undefined, store: StatsStore, keyLogs?: LogTargets) {
    this.keyLogs = keyLogs;
    this.#xds = xds;
    this.#store = store;
  }

  /** @throws Error for a source that is not there */
  use(configuration: SdsSecretConfig, user: SecretUser): Secret {
    const key = JSON.stringify(configuration, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    let secret = this.#secrets.get(key);
    if (secret === undefined || !secret.used) {
      secret = new Secret(configuration, requireXds(this.#xds), this.#store.scope(''));
      this.#secrets.set(key, secret);
    }
    secret.addUser(user);
    return secret;
  }

  get dynamic(): { active: DynamicResource[]; warming: string[] } {
    const used = [...this.#secrets.values()].filter(secret => secret.used);
    return {
      active: used.flatMap(({ dynamic }) => dynamic ?? []),
      warming: used.filter(({ dynamic }) => dynamic === undefined).map(({ name }) => name),
    };
  }

  stop(): void {
    for (const secret of this.#secrets.values()) secret.stop();
  }
}

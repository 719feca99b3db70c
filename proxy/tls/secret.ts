/** A secret that comes while the proxy runs (SDS): a certificate with its key, or what is demanded of peers. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DynamicResource } from '../admin-source.ts';
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import type {
  Secret as Resource,
  SdsSecretConfig,
} from '../api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { isObject, type JsonObject } from '../configuration/json.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { FileWatch } from '../xds/file-watch.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';

/** Uses a secret. */
export interface SecretUser {
  /** Another one came. @throws what is wrong with it: it is not taken then */
  onSecret(): void;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret */
export class Secret implements Consumer {
  readonly name: string;
  /** As it came; undefined until then. */
  dynamic: DynamicResource | undefined;
  current: Resource | undefined;
  readonly #xds: XdsContext;
  readonly #subscription: Subscription;
  readonly #rotationFailed: Counter;
  readonly #users = new Set<SecretUser>();
  #watches: FileWatch[] = [];
  /** Of the files that are in use, as a digest. */
  #contents = '';
  #text = '';
  #version = '';
  /** As its source has it. */
  #document: JsonObject = {};
  #started: Promise<void> | undefined;

  /** @throws Error for a source that is not there */
  constructor({ name, sdsConfig }: SdsSecretConfig, xds: XdsContext, scope: StatsScope) {
    this.name = name;
    this.#xds = xds;
    const own = scope.scope(`sds.${name}.`);
    this.#rotationFailed = own.counter('key_rotation_failed');
    const interest = { typeName: 'envoy.extensions.transport_sockets.tls.v3.Secret', names: [name] };
    this.#subscription = xds.subscribe(sdsConfig, interest, own, this);
  }

  addUser(user: SecretUser): void {
    this.#users.add(user);
  }

  /** Nobody asks for it any more once its last user has left. */
  removeUser(user: SecretUser): void {
    this.#users.delete(user);
    if (this.#users.size === 0) this.stop();
  }

  get used(): boolean {
    return this.#users.size > 0;
  }

  /** Ends when there was a first answer. */
  start(): Promise<void> {
    this.#started ??= this.#subscription.start();
    return this.#started;
  }

  stop(): void {
    this.#subscription.stop();
    this.#unwatch();
  }

  accept({ version, resources, refused }: Update): void {
    refuseAll(refused);
    const [resource] = resources;
    if (resource === undefined) throw new UpdateRefused(`Missing SDS resources for ${this.name} in onConfigUpdate()`);
    if (resources.length > 1) throw new UpdateRefused(`Unexpected SDS secrets length: ${resources.length}`);
    if (resource.name !== this.name)
      throw new UpdateRefused(`Unexpected SDS secret (expecting ${this.name}): ${resource.name}`);
    const text = JSON.stringify(resource.document);
    if (text === this.#text) return;
    this.#take(resource.message as Resource);
    this.#text = text;
    this.#version = version;
    this.#contents = contentsOf(this.current);
    this.#show(resource.document);
    this.#watchFiles(resource.message as Resource);
  }

  #show(document: JsonObject): void {
    this.#document = document;
    this.dynamic = { version: this.#version, document: withContents(document), lastUpdated: new Date() };
  }

  #take(resource: Resource): void {
    const before = this.current;
    this.current = resource;
    try {
      for (const user of this.#users) user.onSecret();
    } catch (error) {
      this.current = before;
      throw new UpdateRefused((error as Error).message);
    }
  }

  /** The files that it names may be replaced without a word from its source. */
  #watchFiles(resource: Resource): void {
    this.#unwatch();
    const { folder, files } = filesOf(resource);
    this.#watches = (folder === '' ? files : files.slice(0, 1)).map(
      path =>
        new FileWatch(path, folder, {
          onMoved: () => this.#rotate(),
          onFailed: error => this.#xds.log.warning('config', `watching ${path}: ${error.message}`),
        }),
    );
    for (const watch of this.#watches) watch.start();
  }

  #rotate(): void {
    try {
      const contents = contentsOf(this.current);
      // Its files come one after the other: what both have brought is there with the first.
      if (contents === this.#contents) return;
      for (const user of this.#users) user.onSecret();
      this.#contents = contents;
      this.#show(this.#document);
    } catch (error) {
      // A certificate whose key is still the one before: the other file follows.
      this.#rotationFailed.increment();
      this.#xds.log.warning('config', `Failed to reload certificates: ${(error as Error).message}`);
    }
  }

  #unwatch(): void {
    for (const watch of this.#watches) watch.stop();
    this.#watches = [];
  }
}

function contentsOf(resource: Resource | undefined): string {
  const digest = createHash('sha256');
  for (const path of resource === undefined ? [] : filesOf(resource).files)
    digest.update(readFileSync(path)).update(path);
  return digest.digest('hex');
}

function filesOf({ type }: Resource): { folder: string; files: string[] } {
  if (type.case !== 'tlsCertificate' && type.case !== 'validationContext') return { folder: '', files: [] };
  const folder = type.value.watchedDirectory?.path ?? '';
  const sources =
    type.case === 'tlsCertificate'
      ? [type.value.certificateChain, type.value.privateKey, type.value.password]
      : [type.value.trustedCa, type.value.crl];
  return { folder, files: sources.flatMap(fileOf) };
}

/** Envoy shows what is in the files; what is kept back then need not be read. */
const shown = ['certificate_chain', 'trusted_ca', 'crl'];
const keptBack = ['private_key', 'password'];

function withContents(document: JsonObject): JsonObject {
  const contents = (parts: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(parts).map(([key, source]) => {
        const path = isObject(source) && typeof source.filename === 'string' ? source.filename : undefined;
        if (path !== undefined && shown.includes(key))
          return [key, { inline_bytes: readFileSync(path).toString('base64') }];
        return [key, path !== undefined && keptBack.includes(key) ? { inline_bytes: '' } : source];
      }),
    );
  return Object.fromEntries(
    Object.entries(document).map(([key, parts]) => [key, isObject(parts) ? contents(parts) : parts]),
  );
}

const fileOf = (source: DataSource | undefined): string[] =>
  source?.specifier.case === 'filename' ? [source.specifier.value] : [];

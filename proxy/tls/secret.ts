/** A secret that comes while the proxy runs (SDS): a certificate with its key, or what is demanded of peers. */
import { isDeepStrictEqual } from 'node:util';
import type { DynamicResource } from '../admin-source.ts';
import type { DataSource } from '../api/envoy/config/core/v3/base_pb.js';
import type {
  Secret as Resource,
  SdsSecretConfig,
} from '../api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { isObject, type JsonObject } from '../configuration/json.ts';
import { readDataSource } from '../data-source.ts';
import type { Counter } from '../stats/stats.ts';
import type { StatsScope } from '../stats/store.ts';
import { FileWatch } from '../xds/file-watch.ts';
import { type Consumer, refuseAll, type Subscription, type Update, UpdateRefused } from '../xds/subscription.ts';
import type { XdsContext } from '../xds/xds-context.ts';

/** Uses a secret. */
export interface SecretUser {
  /** Another one came. Answers what takes it into use. @throws what is wrong with it: nobody takes it then */
  prepareSecret(): () => void;
}

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret */
export class Secret implements Consumer {
  readonly name: string;
  /** As the admin interface shows it; undefined until it came. */
  dynamic: DynamicResource | undefined;
  /** As it is to be used. */
  current: Resource | undefined;
  readonly #xds: XdsContext;
  readonly #subscription: Subscription;
  readonly #rotationFailed: Counter;
  readonly #users = new Set<SecretUser>();
  #watches: FileWatch[] = [];
  #resource: Resource | undefined;
  #files: Files = new Map();
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
    const typeName = 'envoy.extensions.transport_sockets.tls.v3.Secret';
    const interest = { typeName, names: [name], waitsThroughRemoval: true };
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

  accept({ version, resources, refused, removed }: Update): void {
    refuseAll(refused);
    const [resource] = resources;
    // As with Envoy, one that is gone stays in use.
    if (resource === undefined && removed?.includes(this.name)) return;
    if (resource === undefined) throw new UpdateRefused(`Missing SDS resources for ${this.name} in onConfigUpdate()`);
    if (resources.length > 1) throw new UpdateRefused(`Unexpected SDS secrets length: ${resources.length}`);
    if (resource.name !== this.name)
      throw new UpdateRefused(`Unexpected SDS secret (expecting ${this.name}): ${resource.name}`);
    const text = JSON.stringify(resource.document);
    if (text === this.#text) return;
    this.#take(resource.message as Resource);
    this.#text = text;
    this.#version = resource.version ?? version;
    this.#show(resource.document);
    this.#watchFiles(resource.message as Resource);
  }

  #show(document: JsonObject): void {
    this.#document = document;
    const shown = withContents(document, this.#files);
    this.dynamic = { version: this.#version, document: shown, lastUpdated: new Date() };
  }

  #take(resource: Resource): void {
    try {
      this.#use(resource, readFiles(resource));
      this.#resource = resource;
    } catch (error) {
      throw new UpdateRefused((error as Error).message);
    }
  }

  /** @throws what a user cannot use: all goes on as before then */
  #use(resource: Resource, files: Files): void {
    const before = this.current;
    this.current = filled(resource, files);
    try {
      const takes = [...this.#users].map(user => user.prepareSecret());
      for (const take of takes) take();
      this.#files = files;
    } catch (error) {
      this.current = before;
      throw error;
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
    if (this.#resource === undefined) return;
    try {
      const files = readFiles(this.#resource);
      // They come one after the other: what all have brought is there with the first.
      if (isDeepStrictEqual(files, this.#files)) return;
      this.#use(this.#resource, files);
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

/** What the files held when they were read, by their paths. */
type Files = ReadonlyMap<string, Buffer>;

/** @throws UnreadableSource */
function readFiles(resource: Resource): Files {
  const sources = sourcesOf(resource).filter(source => source?.specifier.case === 'filename');
  return new Map(sources.map(source => [String(source!.specifier.value), readDataSource(source) ?? Buffer.alloc(0)]));
}

function filesOf(resource: Resource): { folder: string; files: string[] } {
  const { type } = resource;
  const named = type.case === 'tlsCertificate' || type.case === 'validationContext';
  const folder = named ? (type.value.watchedDirectory?.path ?? '') : '';
  return { folder, files: sourcesOf(resource).flatMap(fileOf) };
}

function sourcesOf({ type }: Resource): (DataSource | undefined)[] {
  if (type.case === 'tlsCertificate') {
    const { certificateChain, privateKey, password, ocspStaple } = type.value;
    return [certificateChain, privateKey, password, ocspStaple];
  }
  return type.case === 'validationContext' ? [type.value.trustedCa, type.value.crl] : [];
}

const fileOf = (source: DataSource | undefined): string[] =>
  source?.specifier.case === 'filename' ? [source.specifier.value] : [];

/** As Envoy, everybody uses what was read at once: files may change in between. */
function filled(resource: Resource, files: Files): Resource {
  const fill = (source: DataSource | undefined): DataSource | undefined => {
    const [path] = fileOf(source);
    if (source === undefined || path === undefined) return source;
    return { ...source, specifier: { case: 'inlineBytes', value: files.get(path) ?? Buffer.alloc(0) } };
  };
  const { type } = resource;
  if (type.case === 'tlsCertificate') {
    const { certificateChain, privateKey, password, ocspStaple } = type.value;
    const sources = {
      certificateChain: fill(certificateChain),
      privateKey: fill(privateKey),
      password: fill(password),
      ocspStaple: fill(ocspStaple),
    };
    return { ...resource, type: { case: type.case, value: { ...type.value, ...sources } } };
  }
  if (type.case !== 'validationContext') return resource;
  const sources = { trustedCa: fill(type.value.trustedCa), crl: fill(type.value.crl) };
  return { ...resource, type: { case: type.case, value: { ...type.value, ...sources } } };
}

/** What is kept back in a dump need not be in it at all. */
const keptBack = new Set(['private_key', 'password']);

/** Envoy shows what was in the files. */
function withContents(document: JsonObject, files: Files): JsonObject {
  const contents = (parts: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(parts).map(([key, source]) => {
        const bytes = isObject(source) ? files.get(String(source.filename)) : undefined;
        if (bytes === undefined) return [key, source];
        return [key, { inline_bytes: keptBack.has(key) ? '' : bytes.toString('base64') }];
      }),
    );
  return Object.fromEntries(
    Object.entries(document).map(([key, parts]) => [key, isObject(parts) ? contents(parts) : parts]),
  );
}

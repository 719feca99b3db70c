/** A control plane for the scenarios: it writes down what it is asked, and answers with the resources that the scenario has put there. */

import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createRegistry, fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../proxy/api/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../proxy/api/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../proxy/api/envoy/config/listener/v3/listener_pb.js';
import { VirtualHostSchema } from '../../proxy/api/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '../../proxy/api/envoy/config/route/v3/route_pb.js';
import { ScopedRouteConfigurationSchema } from '../../proxy/api/envoy/config/route/v3/scoped_route_pb.js';
import { SecretSchema } from '../../proxy/api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../proxy/api/envoy/service/discovery/v3/discovery_pb.js';
import { RuntimeSchema } from '../../proxy/api/envoy/service/runtime/v3/rtds_pb.js';
import { registry as extensions } from '../../proxy/configuration/registry.ts';

const registry = createRegistry(
  extensions,
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  ScopedRouteConfigurationSchema,
  SecretSchema,
  RuntimeSchema,
  VirtualHostSchema,
);

/** The kinds of resources by a short name. */
export const kinds = {
  CDS: 'envoy.config.cluster.v3.Cluster',
  EDS: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  LDS: 'envoy.config.listener.v3.Listener',
  RDS: 'envoy.config.route.v3.RouteConfiguration',
  SRDS: 'envoy.config.route.v3.ScopedRouteConfiguration',
  SDS: 'envoy.extensions.transport_sockets.tls.v3.Secret',
  VHDS: 'envoy.config.route.v3.VirtualHost',
  RTDS: 'envoy.service.runtime.v3.Runtime',
};
export type Kind = keyof typeof kinds;

const kindOf = (typeUrl: string): Kind =>
  (Object.keys(kinds) as Kind[]).find(kind => typeUrl.endsWith(kinds[kind])) ?? 'CDS';

/** Of these, all that there are can be asked for. */
const wildcards: ReadonlySet<Kind> = new Set<Kind>(['CDS', 'LDS', 'SRDS']);

/** The kind that a service of its own has, by its method. */
const methods: Record<string, Kind> = {
  StreamClusters: 'CDS',
  DeltaClusters: 'CDS',
  StreamEndpoints: 'EDS',
  DeltaEndpoints: 'EDS',
  StreamListeners: 'LDS',
  DeltaListeners: 'LDS',
  StreamRoutes: 'RDS',
  DeltaRoutes: 'RDS',
  StreamScopedRoutes: 'SRDS',
  DeltaScopedRoutes: 'SRDS',
  StreamSecrets: 'SDS',
  DeltaSecrets: 'SDS',
  DeltaVirtualHosts: 'VHDS',
  StreamRuntime: 'RTDS',
  DeltaRuntime: 'RTDS',
};

interface Held {
  version: string;
  resources: Map<string, Uint8Array>;
  /** Each resource's own. */
  versions: Map<string, string>;
}

/** What a stream has been told of one kind. */
interface Told {
  names: string[];
  nonce: string;
  versions: Map<string, string>;
}

interface Open {
  stream: ServerHttp2Stream;
  delta: boolean;
  path: string;
  told: Map<Kind, Told>;
}

export class XdsServer {
  /** One line for each request, in the order of their coming. */
  readonly record: string[] = [];
  /** While it is set, streams are ended with this status. */
  refuses: { status: number; message: string } | undefined;
  /** Kinds that are not answered. */
  readonly silent = new Set<Kind>();
  /** More names that a resource of VHDS is known by. */
  readonly aliases = new Map<string, readonly string[]>();
  /** What is asked for of VHDS and is not there: it is told so. */
  readonly unknown = new Set<string>();
  /** What is told of to who names it alone. */
  readonly onDemand = new Set<string>();
  readonly #held = new Map<Kind, Held>();
  readonly #open = new Set<Open>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #server: Http2Server = createServer();
  #nonces = 0;

  async listen(port: number): Promise<void> {
    this.#server.on('session', session => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => undefined);
    });
    this.#server.on('stream', (stream, headers) => this.#onStream(stream, String(headers[':path'])));
    await once(this.#server.listen(port, '127.0.0.1'), 'listening');
  }

  /** The connections are cut, and nobody answers any more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  /** Ends all streams that are open. */
  endStreams(status: number, message: string): void {
    for (const { stream } of this.#open) this.#end(stream, status, message);
  }

  /** Puts resources of a kind there, in place of those before, and tells who asked for them. */
  publish(kind: Kind, version: string, resources: readonly object[]): void {
    const before = this.#held.get(kind);
    const held: Held = { version, resources: new Map(), versions: new Map() };
    for (const resource of resources) {
      const { name, cluster_name: clusterName } = resource as { name?: string; cluster_name?: string };
      const key = name ?? clusterName ?? '';
      const bytes = toBinary(AnySchema, fromJson(AnySchema, resource as JsonValue, { registry }));
      const same = before?.resources.get(key);
      held.resources.set(key, bytes);
      const known = same !== undefined && Buffer.compare(same, bytes) === 0 ? before?.versions.get(key) : undefined;
      held.versions.set(key, known ?? version);
    }
    this.#held.set(kind, held);
    for (const open of this.#open) if (open.told.has(kind)) this.#answer(open, kind);
  }

  #onStream(stream: ServerHttp2Stream, path: string): void {
    const open: Open = { stream, delta: path.includes('/Delta'), path, told: new Map() };
    stream.on('error', () => undefined);
    if (this.refuses !== undefined) {
      this.record.push(`refused ${path}`);
      this.#end(stream, this.refuses.status, this.refuses.message);
      return;
    }
    this.#open.add(open);
    stream.on('close', () => this.#open.delete(open));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    let bytes = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
        const end = 5 + bytes.readUInt32BE(1);
        if (open.delta) this.#onDelta(open, bytes.subarray(5, end));
        else this.#onRequest(open, bytes.subarray(5, end));
        bytes = bytes.subarray(end);
      }
    });
    stream.on('end', () => this.#end(stream, 0, ''));
  }

  #end(stream: ServerHttp2Stream, status: number, message: string): void {
    const trailers = { 'grpc-status': String(status), 'grpc-message': message };
    if (!stream.headersSent) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
      return;
    }
    if (stream.writableEnded || stream.destroyed) return;
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end();
  }

  #toldOf(open: Open, kind: Kind): Told {
    const told = open.told.get(kind) ?? { names: [], nonce: '', versions: new Map() };
    open.told.set(kind, told);
    return told;
  }

  #onRequest(open: Open, bytes: Uint8Array): void {
    const request = fromBinary(DiscoveryRequestSchema, bytes);
    const method = open.path.slice(open.path.lastIndexOf('/') + 1);
    const kind = methods[method] ?? kindOf(request.typeUrl);
    const isNew = !open.told.has(kind);
    const told = this.#toldOf(open, kind);
    const names = request.resourceNames.toSorted();
    this.record.push(
      [
        `${method} ${kind} [${request.resourceNames.toSorted().join()}]`,
        `version '${request.versionInfo}'`,
        request.responseNonce === '' ? 'no nonce' : request.responseNonce === told.nonce ? 'last nonce' : 'old nonce',
        request.node === undefined ? '' : `node ${request.node.id}`,
        request.typeUrl === '' ? 'no type' : '',
        request.errorDetail ? `error ${request.errorDetail.code} ${request.errorDetail.message}` : '',
      ]
        .filter(part => part !== '')
        .join(', '),
    );
    const changed = names.join() !== told.names.join();
    told.names = names;
    if (isNew || changed) this.#answer(open, kind);
  }

  #onDelta(open: Open, bytes: Uint8Array): void {
    const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
    const method = open.path.slice(open.path.lastIndexOf('/') + 1);
    const kind = methods[method] ?? kindOf(request.typeUrl);
    const isNew = !open.told.has(kind);
    const told = this.#toldOf(open, kind);
    const initial = Object.entries(request.initialResourceVersions).map(pair => pair.join('='));
    this.record.push(
      [
        `${method} ${kind} +[${request.resourceNamesSubscribe.toSorted().join()}] -[${request.resourceNamesUnsubscribe.toSorted().join()}]`,
        initial.length > 0 ? `has ${initial.toSorted().join(' ')}` : '',
        request.responseNonce === '' ? 'no nonce' : request.responseNonce === told.nonce ? 'last nonce' : 'old nonce',
        request.node === undefined ? '' : `node ${request.node.id}`,
        request.typeUrl === '' ? 'no type' : '',
        request.errorDetail ? `error ${request.errorDetail.code} ${request.errorDetail.message}` : '',
      ]
        .filter(part => part !== '')
        .join(', '),
    );
    if (isNew) told.versions = new Map(Object.entries(request.initialResourceVersions));
    const { resourceNamesSubscribe: more, resourceNamesUnsubscribe: less } = request;
    told.names = [...new Set([...told.names, ...more])].filter(name => !less.includes(name));
    for (const name of more) told.versions.delete(name);
    for (const [name, others] of this.aliases) if (others.some(one => more.includes(one))) told.versions.delete(name);
    if (isNew || more.length > 0) this.#answer(open, kind);
  }

  #answer(open: Open, kind: Kind): void {
    const held = this.#held.get(kind);
    if (held === undefined || this.silent.has(kind)) return;
    const told = this.#toldOf(open, kind);
    const wildcard = wildcards.has(kind) && told.names.every(name => name === '*');
    const known = (name: string): readonly string[] => [name, ...(this.aliases.get(name) ?? [])];
    const wanted = [...held.resources].filter(
      ([name]) => (wildcard && !this.onDemand.has(name)) || known(name).some(one => told.names.includes(one)),
    );
    told.nonce = `nonce-${++this.#nonces}`;
    const typeUrl = `type.googleapis.com/${kinds[kind]}`;
    const bytes = open.delta
      ? this.#delta(told, held, wanted, wildcard, typeUrl)
      : sotw(held, wanted, told.nonce, typeUrl);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    open.stream.write(Buffer.concat([head, bytes]));
  }

  #delta(told: Told, held: Held, wanted: [string, Uint8Array][], wildcard: boolean, typeUrl: string): Uint8Array {
    const news = wanted.filter(([name]) => told.versions.get(name) !== held.versions.get(name));
    const expected = wildcard ? [...told.versions.keys()] : told.names.filter(name => name !== '*');
    const aliased = new Set([...this.aliases.values()].flat());
    const unknown = expected.filter(name => this.unknown.has(name));
    const isHere = (name: string): boolean => held.resources.has(name) || aliased.has(name) || this.unknown.has(name);
    // The first name that VHDS asks for is that of the routes.
    const removedResources = expected.filter(
      name => !isHere(name) && (!typeUrl.endsWith('VirtualHost') || name.includes('/')),
    );
    for (const name of removedResources) told.versions.delete(name);
    for (const [name] of news) told.versions.set(name, held.versions.get(name)!);
    return toBinary(DeltaDiscoveryResponseSchema, {
      ...fromJson(DeltaDiscoveryResponseSchema, {}),
      systemVersionInfo: held.version,
      typeUrl,
      nonce: told.nonce,
      removedResources,
      resources: [
        ...news.map(([name, bytes]) => ({
          ...fromJson(ResourceSchema, {}),
          name,
          version: held.versions.get(name)!,
          resource: anyOf(bytes),
          aliases: [...(this.aliases.get(name) ?? [])],
        })),
        ...unknown.map(name => ({ ...fromJson(ResourceSchema, {}), name, version: held.version, aliases: [name] })),
      ],
    });
  }
}

const anyOf = (bytes: Uint8Array): Any => fromBinary(AnySchema, bytes);

function sotw({ version }: Held, wanted: [string, Uint8Array][], nonce: string, typeUrl: string): Uint8Array {
  return toBinary(DiscoveryResponseSchema, {
    ...fromJson(DiscoveryResponseSchema, {}),
    versionInfo: version,
    typeUrl,
    nonce,
    resources: wanted.map(([, bytes]) => anyOf(bytes)),
  });
}

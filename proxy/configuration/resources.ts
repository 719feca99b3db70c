/** Loads resources that come while the proxy runs (xDS): as a DiscoveryResponse in a file or a text, or as messages in binary. */
import { type DescMessage, fromBinary, fromJson, type Message, toJson } from '@bufbuild/protobuf';
import { ClusterSchema } from '../api/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../api/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../api/envoy/config/listener/v3/listener_pb.js';
import { VirtualHostSchema } from '../api/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '../api/envoy/config/route/v3/route_pb.js';
import { ScopedRouteConfigurationSchema } from '../api/envoy/config/route/v3/scoped_route_pb.js';
import { SecretSchema } from '../api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { RuntimeSchema } from '../api/envoy/service/runtime/v3/rtds_pb.js';
import { checkConstraints, checkUse } from './check.ts';
import { parseSource } from './document.ts';
import { ConfigurationError, type Path } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { readText, unpackAll } from './load.ts';
import { registry } from './registry.ts';
import { readMessage } from './schema-walk.ts';
import { checkResourceSemantics } from './semantics.ts';

/** The kinds of resources, by the name of their message, with the field that names one. */
const kinds: Record<string, { schema: DescMessage; nameField: string }> = {
  [ListenerSchema.typeName]: { schema: ListenerSchema, nameField: 'name' },
  [RouteConfigurationSchema.typeName]: { schema: RouteConfigurationSchema, nameField: 'name' },
  [ScopedRouteConfigurationSchema.typeName]: { schema: ScopedRouteConfigurationSchema, nameField: 'name' },
  [VirtualHostSchema.typeName]: { schema: VirtualHostSchema, nameField: 'name' },
  [ClusterSchema.typeName]: { schema: ClusterSchema, nameField: 'name' },
  [ClusterLoadAssignmentSchema.typeName]: { schema: ClusterLoadAssignmentSchema, nameField: 'cluster_name' },
  [SecretSchema.typeName]: { schema: SecretSchema, nameField: 'name' },
  [RuntimeSchema.typeName]: { schema: RuntimeSchema, nameField: 'name' },
};

/** What is to be loaded. */
export interface ResourceRequest {
  /** The message that each resource is: `envoy.config.cluster.v3.Cluster`. */
  typeName: string;
  /** A file that holds a DiscoveryResponse, one in JSON, or messages in binary, with the names of those that have not their own. */
  source: { path: string } | { text: string } | { messages: readonly Uint8Array[]; names?: readonly string[] };
  /** Fields that the schema does not have are refused, not left out. */
  rejectUnknownFields: boolean;
  /** The clusters that routes may name; undefined: any. */
  clusters?: readonly string[] | undefined;
}

/** A resource that can be used. */
export interface LoadedResource<Resource extends Message = Message> {
  name: string;
  message: Resource;
  /** The same in canonical JSON, as config_dump shows it. */
  document: JsonObject;
  /** Its own; undefined: that of the update. */
  version?: string | undefined;
}

/** One that cannot. */
export interface RefusedResource {
  name: string;
  refused: string;
  /** Whether it is not even a valid message: then nothing that came with it is taken, as in Envoy. */
  invalid: boolean;
  /** As far as it could be read. */
  document: JsonObject;
}

export interface LoadedResources {
  /** `version_info` of a DiscoveryResponse; '' for messages. */
  version: string;
  resources: (LoadedResource | RefusedResource)[];
  /** How many fields were left out, since the schema does not have them. */
  unknownFields: number;
}

/** Loads them; throws a ConfigurationError where the whole cannot be read. What is wrong with single ones stands at these. */
export function loadResources(request: ResourceRequest): LoadedResources {
  const kind = kinds[request.typeName];
  if (kind === undefined) throw new ConfigurationError(`resources of type ${request.typeName} are not supported`);
  const loading = new Loading(request, kind);
  const { source } = request;
  if ('path' in source) return loading.document(source.path, readText(source.path));
  return 'text' in source ? loading.document('response', source.text) : loading.messages(source.messages, source.names);
}

class Loading {
  readonly #request: ResourceRequest;
  readonly #schema: DescMessage;
  readonly #nameField: string;
  #unknownFields = 0;

  constructor(request: ResourceRequest, { schema, nameField }: { schema: DescMessage; nameField: string }) {
    this.#request = request;
    this.#schema = schema;
    this.#nameField = nameField;
  }

  document(name: string, text: string): LoadedResources {
    const { value, positionOf } = parseSource(name, text);
    if (!isObject(value))
      throw new ConfigurationError('expected a mapping of DiscoveryResponse fields', { position: positionOf([]) });
    const version = value.version_info ?? value.versionInfo ?? '';
    const list = value.resources ?? [];
    if (!Array.isArray(list))
      throw new ConfigurationError('expected a list', { path: ['resources'], position: positionOf(['resources']) });
    const resources = list.map((item, index) => this.#fromAny(item, ['resources', index], positionOf));
    return { version: String(version), resources, unknownFields: this.#unknownFields };
  }

  messages(messages: readonly Uint8Array[], names: readonly string[] | undefined): LoadedResources {
    const loaded = messages.map(bytes => this.#message(this.#decode(bytes)));
    const resources = loaded.map((one, index) => ({ ...one, name: names?.[index] ?? one.name }));
    return { version: '', resources, unknownFields: this.#unknownFields };
  }

  #message(message: Message): LoadedResource | RefusedResource {
    const unknown = unknownFieldsOf(message);
    this.#unknownFields += unknown;
    const name = String((message as unknown as Record<string, unknown>)[camelCase(this.#nameField)] ?? '');
    if (unknown > 0 && this.#request.rejectUnknownFields) {
      const refused = `Protobuf message (type ${this.#schema.typeName}) has unknown fields`;
      return { name, refused, invalid: true, document: {} };
    }
    try {
      return this.#load(toJson(this.#schema, message, { registry, useProtoFieldName: true }) as Json, [], () => '');
    } catch (error) {
      // Something within is of a type that is not known here.
      const refused = `not supported by this proxy: ${(error as Error).message}`;
      return { name, refused, invalid: false, document: {} };
    }
  }

  /** @throws ConfigurationError */
  #decode(bytes: Uint8Array): Message {
    try {
      return fromBinary(this.#schema, bytes);
    } catch (error) {
      throw new ConfigurationError(`Unable to unpack as ${this.#schema.typeName}: ${(error as Error).message}`);
    }
  }

  /** A resource, or the envelope `Resource` around one. */
  #fromAny(item: Json, path: Path, positionOf: (path: Path) => string): LoadedResource | RefusedResource {
    if (!isObject(item)) throw new ConfigurationError('expected a mapping', { path, position: positionOf(path) });
    const { '@type': url = '', ...rest } = item;
    const name = String(url).slice(String(url).lastIndexOf('/') + 1);
    if (name === 'envoy.service.discovery.v3.Resource')
      return this.#fromAny(rest.resource ?? null, [...path, 'resource'], positionOf);
    if (name === this.#schema.typeName) return this.#load(rest, path, positionOf);
    throw new ConfigurationError(`expected a resource of type ${this.#schema.typeName}, found '${name}'`, {
      path: [...path, '@type'],
      position: positionOf([...path, '@type']),
    });
  }

  #load(json: Json, path: Path, positionOf: (path: Path) => string): LoadedResource | RefusedResource {
    const name = isObject(json) ? String(json[this.#nameField] ?? json[camelCase(this.#nameField)] ?? '') : '';
    const within = (inner: Path) => positionOf([...path, ...inner]);
    let invalid = true;
    let document: JsonObject = {};
    try {
      document = readMessage(this.#schema, json, [], {
        registry,
        positionOf: within,
        ...(!this.#request.rejectUnknownFields && { onUnknownField: () => void this.#unknownFields++ }),
      }) as JsonObject;
      checkConstraints(this.#schema, document, registry, within);
      invalid = false;
      checkUse(this.#schema, document, registry, within);
      checkResourceSemantics(this.#schema.typeName, document, this.#request.clusters, within);
      const message = fromJson(this.#schema, document, { registry });
      unpackAll(message);
      return { name, message, document };
    } catch (error) {
      if (error instanceof ConfigurationError) return { name, refused: error.message, invalid, document };
      throw error;
    }
  }
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Fields on the wire that the schema does not have, in a message and all that it holds. */
function unknownFieldsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0;
  let count = '$unknown' in value && Array.isArray(value.$unknown) ? value.$unknown.length : 0;
  for (const [key, inner] of Object.entries(value)) if (key !== '$unknown') count += unknownFieldsOf(inner);
  return count;
}

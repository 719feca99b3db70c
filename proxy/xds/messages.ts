/**
 * The envelopes of xDS on the wire: requests are written, and responses read as far as their resources, which stay bytes. The schema, which knows
 * what is in these, lives in another process (see configuration/resource-loader.ts).
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/discovery/v3/discovery.proto
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { readFields, writeText } from '../grpc/wire.ts';

/** What was wrong with a response that is refused. */
export interface ErrorDetail {
  /** Of gRPC. */
  code: number;
  message: string;
}

interface AnyRequest {
  /** A Node in binary; undefined: it was told before. */
  node: Uint8Array | undefined;
  typeUrl: string;
  responseNonce: string;
  errorDetail: ErrorDetail | undefined;
}

export interface DiscoveryRequest extends AnyRequest {
  versionInfo: string;
  resourceNames: readonly string[];
}

export interface DeltaDiscoveryRequest extends AnyRequest {
  subscribe: readonly string[];
  unsubscribe: readonly string[];
  initialVersions: ReadonlyMap<string, string>;
}

/** A resource that is still bytes. */
export interface PackedResource {
  /** '' where the envelope does not tell. */
  name: string;
  /** Undefined: that of the response. */
  version: string | undefined;
  typeUrl: string;
  bytes: Uint8Array;
  /** Other names that it was asked for by. */
  aliases?: readonly string[];
  /** Its envelope is empty: it is not there. */
  isMissing?: boolean;
}

export interface DiscoveryResponse {
  typeUrl: string;
  nonce: string;
  version: string;
  resources: PackedResource[];
  /** Undefined: `resources` is all that there is. */
  removed: string[] | undefined;
  /** Whoever sent it. */
  identifier: string;
}

export function encodeRequest(request: DiscoveryRequest): Uint8Array {
  const writer = new BinaryWriter();
  writeText(writer, 1, request.versionInfo);
  if (request.node !== undefined) writer.tag(2, WireType.LengthDelimited).bytes(request.node);
  for (const name of request.resourceNames) writer.tag(3, WireType.LengthDelimited).string(name);
  writeText(writer, 4, request.typeUrl);
  writeText(writer, 5, request.responseNonce);
  errorDetail(writer, 6, request.errorDetail);
  return writer.finish();
}

export function encodeDeltaRequest(request: DeltaDiscoveryRequest): Uint8Array {
  const writer = new BinaryWriter();
  if (request.node !== undefined) writer.tag(1, WireType.LengthDelimited).bytes(request.node);
  writeText(writer, 2, request.typeUrl);
  for (const name of request.subscribe) writer.tag(3, WireType.LengthDelimited).string(name);
  for (const name of request.unsubscribe) writer.tag(4, WireType.LengthDelimited).string(name);
  for (const [name, version] of request.initialVersions) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writeText(writer, 1, name);
    writeText(writer, 2, version);
    writer.join();
  }
  writeText(writer, 6, request.responseNonce);
  errorDetail(writer, 7, request.errorDetail);
  return writer.finish();
}

/** A Node whose id and cluster are these, whatever it said of them. */
export function encodeNode(node: Uint8Array, id: string, cluster: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(node);
  writeText(writer, 1, id);
  writeText(writer, 2, cluster);
  return writer.finish();
}

function errorDetail(writer: BinaryWriter, field: number, detail: ErrorDetail | undefined): void {
  if (detail === undefined) return;
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(detail.code);
  writeText(writer, 2, detail.message);
  writer.join();
}

const resourceType = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** @throws Error for what is no such message */
export function decodeResponse(bytes: Uint8Array): DiscoveryResponse {
  const response = emptyResponse();
  readFields(bytes, (field, reader) => {
    if (field === 1) response.version = reader.string();
    else if (field === 2) response.resources.push(unwrapped(readAny(reader.bytes())));
    else if (field === 4) response.typeUrl = reader.string();
    else if (field === 5) response.nonce = reader.string();
    else if (field === 6) response.identifier = readIdentifier(reader.bytes());
    else return false;
    return true;
  });
  return response;
}

/** @throws Error for what is no such message */
export function decodeDeltaResponse(bytes: Uint8Array): DiscoveryResponse {
  const response = emptyResponse();
  const removed: string[] = [];
  readFields(bytes, (field, reader) => {
    if (field === 1) response.version = reader.string();
    else if (field === 2) response.resources.push(readResource(reader.bytes()));
    else if (field === 4) response.typeUrl = reader.string();
    else if (field === 5) response.nonce = reader.string();
    else if (field === 6) removed.push(reader.string());
    else if (field === 7) response.identifier = readIdentifier(reader.bytes());
    else return false;
    return true;
  });
  return { ...response, removed };
}

function emptyResponse(): DiscoveryResponse {
  return { typeUrl: '', nonce: '', version: '', resources: [], removed: undefined, identifier: '' };
}

function readAny(bytes: Uint8Array): PackedResource {
  const any: PackedResource = { name: '', version: undefined, typeUrl: '', bytes: new Uint8Array() };
  readFields(bytes, (field, reader) => {
    if (field === 1) any.typeUrl = reader.string();
    else if (field === 2) any.bytes = reader.bytes();
    else return false;
    return true;
  });
  return any;
}

/** A resource may come within an envelope of its own. */
function unwrapped(any: PackedResource): PackedResource {
  return any.typeUrl === resourceType ? { ...readResource(any.bytes), version: undefined } : any;
}

function readResource(bytes: Uint8Array): PackedResource {
  let [name, version] = ['', ''];
  const aliases: string[] = [];
  let any: PackedResource | undefined;
  readFields(bytes, (field, reader) => {
    if (field === 1) version = reader.string();
    else if (field === 2) any = readAny(reader.bytes());
    else if (field === 3) name = reader.string();
    else if (field === 4) aliases.push(reader.string());
    else if (field === 6) throw new Error(`${name}: a resource with a ttl is not supported by this proxy`);
    else return false;
    return true;
  });
  const nothing = { typeUrl: '', bytes: new Uint8Array(), isMissing: true };
  return { ...(any ?? nothing), name, version, ...(aliases.length > 0 && { aliases }) };
}

function readIdentifier(bytes: Uint8Array): string {
  let identifier = '';
  readFields(bytes, (field, reader) => {
    if (field !== 1) return false;
    identifier = reader.string();
    return true;
  });
  return identifier;
}

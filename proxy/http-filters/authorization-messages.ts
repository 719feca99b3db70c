/**
 * What an authorization service is asked by gRPC, and what it answers.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/api/envoy/service/auth/v3/external_auth.proto
 */

import { type BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { JsonObject } from '../configuration/json.ts';
import { readFields, writeMessage, writeText } from '../grpc/wire.ts';
import { splitAddress } from '../net/address-range.ts';
import { asText } from '../net/latin1.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { Header, Question } from './authorization-service.ts';
import { readProtobufStruct } from './protobuf-value.ts';

export const checkMethod = '/envoy.service.auth.v3.Authorization/Check';

/** What is told of a request beside itself. */
export interface CheckOptions {
  /** Whether a header is told; the name in lower case. */
  tells: (name: string) => boolean;
  /** Whether the body goes as bytes, and not as text. */
  packsBytes: boolean;
  tellsCertificate: boolean;
  tellsServerName: boolean;
  /** What the route adds. */
  extensions: Readonly<Record<string, string>>;
}

/** A request as the service is told of it. */
type Told = Omit<Question, 'extensions'> & { id: string };

export function encodeCheck({ head, info, body, id }: Told, options: CheckOptions): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, 1, () => {
    writeEnds(writer, info, options, [head.get('x-envoy-downstream-service-cluster') ?? '', '']);
    writeMessage(writer, 4, () => {
      writeMessage(writer, 1, () => {
        writer.tag(1, WireType.Varint).int64(Math.floor(info.startMs / 1000));
        writer.tag(2, WireType.Varint).int32((info.startMs % 1000) * 1_000_000);
      });
      writeMessage(writer, 2, () => writeRequest(writer, { head, info, body, id }, options));
    });
    for (const [key, value] of Object.entries(options.extensions)) writePair(writer, 10, key, value);
    writeMessage(writer, 11, () => {});
    writeServerName(writer, info, options);
    writeMessage(writer, 13, () => {});
  });
  return writer.finish();
}

/** What is told of a connection as a whole. */
export type ConnectionCheckOptions = Pick<CheckOptions, 'tellsCertificate' | 'tellsServerName'>;

/** The question about a connection that no request is read from. */
export function encodeConnectionCheck(info: StreamInfo, options: ConnectionCheckOptions): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, 1, () => {
    writeEnds(writer, info, options, ['', info.requestedServerName]);
    writeMessage(writer, 11, () => {});
    writeServerName(writer, info, options);
  });
  return writer.finish();
}

/** @param services the names of both ends; '' where there is none */
function writeEnds(
  writer: BinaryWriter,
  info: StreamInfo,
  { tellsCertificate }: ConnectionCheckOptions,
  [from, to]: readonly [from: string, to: string],
): void {
  const writeEnd = (field: number, address: string, service: string, certificate: Certificate | undefined) =>
    writeMessage(writer, field, () => {
      writeAddress(writer, address);
      writeText(writer, 2, service);
      writePrincipal(writer, certificate);
      if (tellsCertificate && field === 1) writeText(writer, 5, encodeURIComponent(info.tls?.peer?.pem ?? ''));
    });
  writeEnd(1, info.downstreamRemoteAddress, from, info.tls?.peer);
  writeEnd(2, info.downstreamLocalAddress, to, info.tls?.local);
}

function writeServerName(writer: BinaryWriter, info: StreamInfo, { tellsServerName }: ConnectionCheckOptions): void {
  if (tellsServerName) writeMessage(writer, 12, () => writeText(writer, 1, info.requestedServerName));
}

function writeRequest(writer: BinaryWriter, { head, info, body, id }: Told, { tells, packsBytes }: CheckOptions): void {
  writeText(writer, 1, id);
  writeText(writer, 2, head.method);
  for (const name of [':authority', ':path', ':method', ':scheme'])
    if (tells(name)) writePair(writer, 3, name, asText(head.lookup(name) ?? ''));
  const seen = new Set<string>();
  for (let i = 0; i < head.entries.length; i += 2) {
    const name = head.entries[i]!;
    if (seen.has(name) || !tells(name)) continue;
    seen.add(name);
    writePair(writer, 3, name, asText(head.getAll(name)!));
  }
  if (body !== undefined) writePair(writer, 3, 'x-envoy-auth-partial-body', 'false');
  writeText(writer, 4, asText(head.path));
  writeText(writer, 5, asText(head.authority));
  writeText(writer, 6, head.scheme);
  writer.tag(9, WireType.Varint).int64(body === undefined ? info.bytesReceived : body.length);
  writeText(writer, 10, info.protocol);
  if (body === undefined) return;
  if (packsBytes) writer.tag(12, WireType.LengthDelimited).bytes(body);
  else writeText(writer, 11, body.toString('utf8'));
}

/** Headers hold bytes, one character each. */

/** @param address `ip:port`, or a pipe's path */
function writeAddress(writer: BinaryWriter, address: string): void {
  const { address: host, port } = splitAddress(address);
  writeMessage(writer, 1, () => {
    if (isPipe(host)) writeMessage(writer, 2, () => writeText(writer, 1, host));
    else
      writeMessage(writer, 1, () => {
        writeText(writer, 2, host);
        writer.tag(3, WireType.Varint).uint32(port);
      });
  });
}

/** The first name of its certificate. */
function writePrincipal(writer: BinaryWriter, certificate: Certificate | undefined): void {
  if (certificate === undefined) return;
  const [name = certificate.subject] = [...certificate.namesOf('uri'), ...certificate.namesOf('dns')];
  writeText(writer, 4, name);
}

function writePair(writer: BinaryWriter, field: number, key: string, value: string): void {
  writeMessage(writer, field, () => {
    writeText(writer, 1, key);
    writeText(writer, 2, value);
  });
}

/** How a header takes its place beside one that is there. */
export type HeaderAction = 'append' | 'add-if-absent' | 'set' | 'set-if-present';

export interface ToldHeader {
  header: Header;
  /** Whether it is put behind what is there; where nothing is, it is left out, unless it is for the client of a request that passes. */
  append: boolean;
  action: HeaderAction;
}

export interface CheckAnswer {
  passes: boolean;
  /** Of a denial; 0: the usual one. */
  status: number;
  body: string;
  /** For the service behind, or for the client of a denial. */
  headers: ToldHeader[];
  remove: string[];
  /** For the client of a request that passes. */
  toClient: ToldHeader[];
  setParameters: Header[];
  removeParameters: string[];
  metadata: JsonObject | undefined;
}

/** @throws Error for what is no such message */
export function decodeCheck(bytes: Uint8Array): CheckAnswer {
  const answer: CheckAnswer = {
    passes: true,
    status: 0,
    body: '',
    headers: [],
    remove: [],
    toClient: [],
    setParameters: [],
    removeParameters: [],
    metadata: undefined,
  };
  readFields(bytes, (field, reader) => {
    if (field === 1) answer.passes = readNumber(reader.bytes(), 1) === 0;
    else if (field === 2) readFields(reader.bytes(), (inner, denied) => readDenied(answer, inner, denied));
    else if (field === 3) readFields(reader.bytes(), (inner, ok) => readOk(answer, inner, ok));
    else if (field === 4) answer.metadata = readProtobufStruct(Buffer.from(reader.bytes()));
    else return false;
    return true;
  });
  return answer;
}

function readDenied(answer: CheckAnswer, field: number, reader: BinaryReader): boolean {
  if (field === 1) answer.status = readNumber(reader.bytes(), 1);
  else if (field === 2) answer.headers.push(readHeaderOption(reader.bytes()));
  else if (field === 3) answer.body = Buffer.from(reader.bytes()).toString('latin1');
  else return false;
  return true;
}

function readOk(answer: CheckAnswer, field: number, reader: BinaryReader): boolean {
  if (field === 2) answer.headers.push(readHeaderOption(reader.bytes()));
  else if (field === 5) answer.remove.push(reader.string().toLowerCase());
  else if (field === 6) answer.toClient.push(readHeaderOption(reader.bytes()));
  else if (field === 7) answer.setParameters.push(readHeader(reader.bytes()));
  else if (field === 8) answer.removeParameters.push(reader.string());
  else return false;
  return true;
}

/** The number in one field of a message. */
function readNumber(bytes: Uint8Array, wanted: number): number {
  let number = 0;
  readFields(bytes, (field, reader) => {
    if (field !== wanted) return false;
    number = reader.int32();
    return true;
  });
  return number;
}

const actions: readonly HeaderAction[] = ['append', 'add-if-absent', 'set', 'set-if-present'];

function readHeaderOption(bytes: Uint8Array): ToldHeader {
  let header: Header = ['', ''];
  let append = false;
  let action = 0;
  readFields(bytes, (field, reader) => {
    if (field === 1) header = readHeader(reader.bytes());
    else if (field === 2) append = readNumber(reader.bytes(), 1) !== 0;
    else if (field === 3) action = reader.int32();
    else return false;
    return true;
  });
  return { header, append, action: append || action !== 0 ? (actions[action] ?? 'append') : 'set' };
}

function readHeader(bytes: Uint8Array): Header {
  let [name, value] = ['', ''];
  readFields(bytes, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field === 2 || field === 3) value = Buffer.from(reader.bytes()).toString('latin1');
    else return false;
    return true;
  });
  return [name, value];
}

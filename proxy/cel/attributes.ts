/**
 * What expressions may ask of a request or a connection: Envoy's attributes, each read when it is asked for. What is not there is undefined.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */
import { isUtf8 } from 'node:buffer';
import { type CelInput, celUint } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { grpcStatusOf } from '../access-log/grpc-commands.ts';
import type { Json } from '../configuration/json.ts';
import type { DynamicMetadata } from '../dynamic-metadata.ts';
import type { HeaderMap } from '../http/headers.ts';
import type { Locality } from '../load-balancing/localities.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import { flag, type StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { NameKind } from '../tls/subject-alt-names.ts';
import type { TlsFacts } from '../tls/tls-facts.ts';

type Read = (info: StreamInfo) => CelInput | undefined;

/** Heads hold a character for each byte; expressions have texts. Bytes that are no UTF-8 stay a character each. */
function asText(bytes: string): string {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  const held = Buffer.from(bytes, 'latin1');
  return isUtf8(held) ? held.toString() : bytes;
}

const text = (bytes: string | undefined): string | undefined => (bytes === undefined ? undefined : asText(bytes));
/** '' is nothing. */
const filled = (bytes: string): string | undefined => (bytes === '' ? undefined : asText(bytes));
const whole = (value: number): bigint => BigInt(Math.trunc(value));

/** @param ms with a fraction; negative: it has not come to that */
function duration(ms: number): CelInput | undefined {
  if (ms < 0) return undefined;
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1000) * 1000 });
}

/** @param ms since the epoch, with a fraction */
function timestamp(ms: number): CelInput {
  const seconds = Math.floor(ms / 1000);
  const micros = Math.min(Math.floor((ms - seconds * 1000) * 1000), 999_999);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: micros * 1000 });
}

const header =
  (name: string): Read =>
  info =>
    text(info.requestHeaders?.lookup(name));

const pathOf = (info: StreamInfo): string => info.requestHeaders?.path ?? '';
const headBytes = (head: HeaderMap | undefined): number => head?.byteSize() ?? 0;

function requestSize(info: StreamInfo): bigint | undefined {
  const stated = info.requestHeaders?.get('content-length');
  if (stated === undefined) return whole(info.bytesReceived);
  return /^-?\d+$/.test(stated.trim()) ? BigInt(stated.trim()) : undefined;
}

function query(info: StreamInfo): string {
  const [, after = ''] = /\?(.*)$/s.exec(pathOf(info)) ?? [];
  return asText(after.replace(/#.*$/s, ''));
}

const request: Record<string, Read> = {
  path: header(':path'),
  url_path: info => (info.requestHeaders === undefined ? undefined : asText(pathOf(info).replace(/\?.*$/s, ''))),
  host: header(':authority'),
  scheme: header(':scheme'),
  method: header(':method'),
  headers: info => new Headers(info.requestHeaders, requestPseudo),
  referer: header('referer'),
  useragent: header('user-agent'),
  time: info => timestamp(info.startMs),
  id: header('x-request-id'),
  protocol: info => filled(info.protocol),
  query: info => (info.requestHeaders === undefined ? undefined : query(info)),
  duration: info => duration(info.requestReceivedMs),
  size: requestSize,
  total_size: info => whole(info.bytesReceived + headBytes(info.requestHeaders)),
  headers_bytes: info => whole(headBytes(info.requestHeaders)),
};

const response: Record<string, Read> = {
  code: info => (info.responseCode === 0 ? undefined : whole(info.responseCode)),
  code_details: info => filled(info.responseCodeDetails),
  headers: info => new Headers(info.responseHeaders, [':status']),
  trailers: info => new Headers(info.responseTrailers, []),
  headers_bytes: info => whole(headBytes(info.responseHeaders)),
  flags: info => whole(info.flags),
  grpc_status: info => {
    const status = grpcStatusOf(info);
    return status === undefined ? undefined : whole(status);
  },
  size: info => whole(info.bytesSent),
  total_size: info => whole(info.bytesSent + headBytes(info.responseHeaders) + headBytes(info.responseTrailers)),
  backend_latency: ({ upstreamFirstSentMs: from, upstreamLastReceivedMs: to }) =>
    duration(from < 0 || to < 0 ? -1 : to - from),
};

/** What a handshake told. */
function tlsAttributes(of: (info: StreamInfo) => TlsFacts | undefined): Record<string, Read> {
  const certificate =
    (side: 'peer' | 'local', read: (certificate: Certificate) => string | undefined, missing?: string): Read =>
    info => {
      const facts = of(info);
      const found = facts?.[side];
      return found === undefined ? facts && missing : text(read(found));
    };
  const first = (kind: NameKind) => (found: Certificate) => found.namesOf(kind)[0];
  return {
    tls_version: info => of(info)?.version,
    subject_local_certificate: certificate('local', found => found.subject, ''),
    subject_peer_certificate: certificate('peer', found => found.subject, ''),
    uri_san_local_certificate: certificate('local', first('uri')),
    uri_san_peer_certificate: certificate('peer', first('uri')),
    dns_san_local_certificate: certificate('local', first('dns')),
    dns_san_peer_certificate: certificate('peer', first('dns')),
    sha256_peer_certificate_digest: certificate('peer', found => found.fingerprint256),
    peer_certificate: certificate('peer', found => found.encodedPem),
  };
}

const connection: Record<string, Read> = {
  mtls: info => info.tls?.peer !== undefined,
  requested_server_name: info => info.requestedServerName,
  id: info => celUint(whole(info.connectionId)),
  termination_details: info => filled(info.connectionTerminationDetails),
  transport_failure_reason: info => filled(info.downstreamTransportFailureReason),
  ...tlsAttributes(info => info.tls),
};

/** Undefined for pipes. */
function port(text: string): bigint | undefined {
  const { address, port: number } = splitAddress(text);
  return isPipe(address) ? undefined : whole(number);
}

const upstream: Record<string, Read> = {
  address: info => filled(info.upstreamHost),
  port: info => (info.upstreamHost === '' ? undefined : port(info.upstreamHost)),
  local_address: info => filled(info.upstreamLocalAddress),
  locality: ({ upstreamLocality: locality }) => locality && localityOf(locality),
  transport_failure_reason: info =>
    info.upstreamHost === '' ? undefined : asText(info.upstreamTransportFailureReason),
  request_attempt_count: info => celUint(whole(info.upstreamAttemptCount)),
  ...tlsAttributes(info => info.upstreamTls),
};

const noLocality = { region: '', zone: '', sub_zone: '' };

function localityOf({ region, zone, subZone }: Locality): CelInput {
  const fields: [string, string][] = [
    ['region', region],
    ['zone', zone],
    ['sub_zone', subZone],
  ];
  return new Message(
    fields.filter(([, value]) => value !== ''),
    noLocality,
  );
}

const peer = (address: (info: StreamInfo) => string): Record<string, Read> => ({
  address: info => filled(address(info)),
  port: info => (address(info) === '' ? undefined : port(address(info))),
});

/** By the name of the cluster that there is; of one that there is none, nothing is known. */
const clusterName: Read = info => (info.hasFlag(flag.NO_CLUSTER_FOUND) ? undefined : filled(info.clusterName));
const ofRoute =
  (read: Read): Read =>
  info =>
    info.routed ? read(info) : undefined;

const xds: Record<string, Read> = {
  cluster_name: clusterName,
  cluster_metadata: info => (clusterName(info) === undefined ? undefined : metadataOf(info.clusterMetadata)),
  route_name: ofRoute(info => asText(info.routeName)),
  route_metadata: ofRoute(info => metadataOf(info.routeMetadata)),
  virtual_host_name: info => text(info.virtualHost?.name),
  virtual_host_metadata: ({ virtualHost }) => virtualHost && metadataOf(virtualHost.metadata),
  upstream_host_metadata: info => (info.upstreamHost === '' ? undefined : metadataOf(info.hostMetadata)),
  filter_chain_name: info => info.filterChainName,
  listener_metadata: info => metadataOf(info.listenerMetadata),
  listener_direction: info => whole(info.listenerDirection),
};

const source = peer(info => info.downstreamRemoteAddress);
const destination = peer(info => info.downstreamLocalAddress);
const nothing: Record<string, Read> = {};

/** The names that an expression may use, for one request or connection. */
export function attributesOf(info: StreamInfo): Record<string, CelInput> {
  return {
    request: new Attributes(request, info),
    response: new Attributes(response, info),
    connection: new Attributes(connection, info),
    upstream: new Attributes(upstream, info),
    source: new Attributes(source, info),
    destination: new Attributes(destination, info),
    metadata: metadataOf(info.metadata),
    // No filter here keeps any.
    filter_state: new Attributes(nothing, info),
    xds: new Attributes(xds, info),
  };
}

/** Attributes that Envoy has and this proxy has not: `xds.node`. */
export const missingAttributes: ReadonlySet<string> = new Set([
  'upstream.cx_pool_ready_duration',
  'upstream.num_endpoints',
  'xds.node',
  'xds.upstream_host_locality_metadata',
]);

/** A map whose values are made when they are asked for. */
class Attributes extends Map<string, CelInput> {
  readonly #reads: Record<string, Read>;
  readonly #info: StreamInfo;

  constructor(reads: Record<string, Read>, info: StreamInfo) {
    super();
    this.#reads = reads;
    this.#info = info;
  }

  override get(name: string): CelInput | undefined {
    return Object.hasOwn(this.#reads, name) ? this.#reads[name]!(this.#info) : undefined;
  }

  /** As in Envoy, they cannot be listed. */
  override entries(): MapIterator<[string, CelInput]> {
    throw new Error('attributes cannot be listed');
  }
}

const requestPseudo = [':method', ':path', ':authority', ':scheme'];

/** A head with its lookup of names; listed as a whole only where somebody asks. */
class Headers extends Map<string, CelInput> {
  readonly #head: (HeaderMap & { lookup?(name: string): string | undefined }) | undefined;
  readonly #pseudo: readonly string[];

  constructor(head: HeaderMap | undefined, pseudo: readonly string[]) {
    super();
    this.#head = head;
    this.#pseudo = pseudo;
  }

  override get(name: string): CelInput | undefined {
    const lower = name.toLowerCase();
    return text(this.#head?.lookup === undefined ? this.#head?.getAll(lower) : this.#head.lookup(lower));
  }

  override get size(): number {
    return this.#head === undefined ? 0 : this.#head.entries.length / 2 + this.#pseudo.length;
  }

  override keys(): MapIterator<string> {
    const head = this.#head;
    if (head === undefined) return new Set<string>().values();
    const names = [...this.#pseudo, ...head.entries.filter((_, index) => index % 2 === 0)];
    return new Set(names.filter(name => this.get(name) !== undefined)).values();
  }

  override entries(): MapIterator<[string, CelInput]> {
    return new Map([...this.keys()].map(name => [name, this.get(name) ?? ''])).entries();
  }
}

/** As the message Metadata: `filter_metadata` of namespaces of fields. */
function metadataOf(metadata: DynamicMetadata | undefined): CelInput {
  const namespaces = new Map<string, CelInput>();
  for (const [name, fields] of metadata?.namespaces() ?? []) namespaces.set(asText(name), celOf(fields));
  return new Message(namespaces.size === 0 ? [] : [['filter_metadata', namespaces]], {
    filter_metadata: new Map(),
    typed_filter_metadata: new Map(),
  });
}

/** Fields that are not set have a default, and are not listed. */
class Message extends Map<string, CelInput> {
  readonly #defaults: Record<string, CelInput>;

  constructor(fields: [string, CelInput][], defaults: Record<string, CelInput>) {
    super(fields);
    this.#defaults = defaults;
  }

  override get(name: string): CelInput | undefined {
    return super.get(name) ?? (Object.hasOwn(this.#defaults, name) ? this.#defaults[name] : undefined);
  }
}

function celOf(value: Json): CelInput {
  if (typeof value === 'string') return asText(value);
  if (Array.isArray(value)) return value.map(celOf);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return new Map(fields.map(([key, inner]) => [asText(key), celOf(inner)]));
}

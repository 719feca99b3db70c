/** What matchers may ask of connections and requests. */
import type { Ip } from '../api/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js';
import type {
  HttpRequestHeaderMatchInput,
  HttpResponseHeaderMatchInput,
} from '../api/envoy/type/matcher/v3/http_inputs_pb.js';
import type { TypedExtensionConfig } from '../api/xds/core/v3/extension_pb.js';
import type { CelMatcher } from '../api/xds/type/matcher/v3/cel_pb.js';
import { compileParsedExpression, type Expression } from '../cel/expression.ts';
import { typedConfig, type UnpackedAny } from '../configuration/typed-config.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { isLocal, type MatchInput } from '../listener/filter-chain-match.ts';
import { addressTest, splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import type { Certificate } from '../tls/certificate.ts';
import type { Input, Kinds } from './match-tree.ts';

/** A request of which only the head is known. */
export interface MatchedRequest {
  head: RequestHeaders;
}

/** A response of which only the head is known. */
export interface MatchedResponse {
  response: ResponseHeaders;
}

/** A request, or a connection that a filter judges. */
export interface MatchedStream extends MatchedRequest {
  info: StreamInfo;
}

const typeOf = ({ typedConfig: any }: TypedExtensionConfig): string =>
  (any as UnpackedAny | undefined)?.message?.$typeName ?? '';

const filled = (text: string): string | undefined => text || undefined;

/** Undefined for pipes. */
const ipOf = (address: string): string | undefined => (isPipe(address) ? undefined : address);
const portOf = ({ address, port }: { address: string; port: number }): string | undefined =>
  isPipe(address) ? undefined : String(port);

const network = 'envoy.extensions.matching.common_inputs.network.v3';
const tls = 'envoy.extensions.matching.common_inputs.ssl.v3';

/** Of a connection before anything of it is read but its TLS hello. */
const connectionInputs = new Map<string, Input<MatchInput>>([
  [`${network}.DestinationIPInput`, ({ destinationAddress }) => ipOf(destinationAddress)],
  [
    `${network}.DestinationPortInput`,
    input => portOf({ address: input.destinationAddress, port: input.destinationPort }),
  ],
  [`${network}.SourceIPInput`, ({ sourceAddress }) => ipOf(sourceAddress)],
  [`${network}.DirectSourceIPInput`, ({ directSourceAddress }) => ipOf(directSourceAddress)],
  [`${network}.SourcePortInput`, input => portOf({ address: input.sourceAddress, port: input.sourcePort })],
  [`${network}.SourceTypeInput`, input => (isLocal(input) ? 'local' : undefined)],
  [`${network}.ServerNameInput`, ({ serverName }) => filled(serverName)],
  [`${network}.TransportProtocolInput`, ({ transportProtocol }) => transportProtocol],
  [
    `${network}.ApplicationProtocolInput`,
    ({ applicationProtocols }) => filled(applicationProtocols.map(name => `'${name}'`).join(',')),
  ],
]);

const peer = (read: (certificate: Certificate) => string): Input<MatchedStream> => {
  return ({ info }) => {
    const certificate = info.tls?.peer;
    return certificate && filled(read(certificate));
  };
};

const streamInputs = new Map<string, Input<MatchedStream>>([
  [`${network}.DestinationIPInput`, ({ info }) => ipOf(splitAddress(info.downstreamLocalAddress).address)],
  [`${network}.DestinationPortInput`, ({ info }) => portOf(splitAddress(info.downstreamLocalAddress))],
  [`${network}.SourceIPInput`, ({ info }) => ipOf(splitAddress(info.downstreamRemoteAddress).address)],
  [`${network}.SourcePortInput`, ({ info }) => portOf(splitAddress(info.downstreamRemoteAddress))],
  [`${network}.DirectSourceIPInput`, ({ info }) => ipOf(splitAddress(info.downstreamDirectRemoteAddress).address)],
  [`${network}.ServerNameInput`, ({ info }) => filled(info.requestedServerName)],
  [`${tls}.UriSanInput`, peer(certificate => certificate.namesOf('uri').join(','))],
  [`${tls}.DnsSanInput`, peer(certificate => certificate.namesOf('dns').join(','))],
  [`${tls}.SubjectInput`, peer(certificate => certificate.subject)],
]);

function connectionInput(stated: TypedExtensionConfig): Input<MatchInput> {
  const input = connectionInputs.get(typeOf(stated));
  if (input === undefined) throw unsupported(stated);
  return input;
}

function headerInput(stated: TypedExtensionConfig): Input<{ head: RequestHeaders }> | undefined {
  const type = 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput';
  const header = typedConfig<HttpRequestHeaderMatchInput>(stated.typedConfig, type);
  if (header === undefined) return undefined;
  const name = header.headerName.toLowerCase();
  return ({ head }) => head.lookup(name);
}

/** Of requests, and of connections that a filter judges. */
function streamInput(stated: TypedExtensionConfig): Input<MatchedStream> {
  const input = headerInput(stated) ?? streamInputs.get(typeOf(stated));
  if (input === undefined) throw unsupported(stated);
  return input;
}

function requestInput(stated: TypedExtensionConfig): Input<MatchedRequest> {
  const input = headerInput(stated);
  if (input === undefined) throw unsupported(stated);
  return input;
}

function responseInput(stated: TypedExtensionConfig): Input<MatchedResponse> {
  const type = 'envoy.type.matcher.v3.HttpResponse';
  const header = typedConfig<HttpResponseHeaderMatchInput>(stated.typedConfig, `${type}HeaderMatchInput`);
  if (header !== undefined) {
    const name = header.headerName.toLowerCase();
    return ({ response }) => response.getAll(name);
  }
  const kind = typeOf(stated);
  if (kind === `${type}StatusCodeMatchInput`) return ({ response }) => String(response.status);
  if (kind === `${type}StatusCodeClassMatchInput`) return ({ response }) => `${Math.floor(response.status / 100)}xx`;
  throw unsupported(stated);
}

const unsupported = (stated: TypedExtensionConfig): Error =>
  new Error(`matching by '${stated.name}' (${typeOf(stated)}) is not supported here`);

/** Of an address that the input finds. */
function addressMatch<Data>(stated: TypedExtensionConfig, input: Input<Data>): (data: Data) => boolean {
  const ip = typedConfig<Ip>(stated.typedConfig, 'envoy.extensions.matching.input_matchers.ip.v3.Ip');
  if (ip === undefined) throw unsupported(stated);
  const test = addressTest(ip.cidrRanges);
  return data => {
    const value = input(data);
    return value !== undefined && test(value);
  };
}

/** What the matcher of a listener asks of a connection. */
export const connectionKinds: Omit<Kinds<MatchInput, never>, 'action'> = {
  input: connectionInput,
  customTest: (stated, input) => addressMatch(stated, connectionInput(input)),
};

const expressionInput = 'xds.type.matcher.v3.HttpAttributesCelMatchInput';

/** What the matchers of routes ask: as in Envoy, headers alone. */
export const requestKinds: Omit<Kinds<MatchedRequest, never>, 'action'> = {
  input: requestInput,
  customTest: (stated, input) => addressMatch(stated, requestInput(input)),
};

/** What is asked of responses: as in Envoy, of their heads alone. */
export const responseKinds: Omit<Kinds<MatchedResponse, never>, 'action'> = {
  input: responseInput,
  customTest: (stated, input) => addressMatch(stated, responseInput(input)),
};

/** What the matchers of access control ask. */
export const policyKinds: Omit<Kinds<MatchedStream, never>, 'action'> = {
  input: streamInput,
  customTest: (stated, input) => {
    const cel = typedConfig<CelMatcher>(stated.typedConfig, 'xds.type.matcher.v3.CelMatcher');
    if (cel === undefined) return addressMatch(stated, streamInput(input));
    if (typeOf(input) !== expressionInput) throw unsupported(input);
    const expression = expressionOf(cel);
    return ({ info }) => expression.holds(info);
  },
};

function expressionOf({ exprMatch }: CelMatcher): Expression {
  const stated = exprMatch?.exprSpecifier.value?.expr;
  if (stated === undefined) throw new Error('a CEL matcher has no expression');
  return compileParsedExpression(stated);
}

/**
 * Makes dynamic metadata of headers and cookies (Envoy's header_to_metadata), for those who read metadata: routes, access rules, subsets, access logs.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_to_metadata_filter
 */
import type { Message } from '@bufbuild/protobuf';
import { Config_ValueEncode as ValueEncode, Config_ValueType as ValueType } from '../api/enums.js';
import type {
  Config as Configuration,
  Config_KeyValuePair as KeyValuePair,
  Config_Rule as RuleConfiguration,
} from '../api/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.js';
import type { Json } from '../configuration/json.ts';
import { cookiesOf } from '../http/cookies.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { regexRewrite } from '../routing/rewrite.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';
import { MalformedValue, readProtobufValue } from './protobuf-value.ts';

const typeName = 'envoy.extensions.filters.http.header_to_metadata.v3.Config';
const ownNamespace = 'envoy.filters.http.header_to_metadata';
/** Longer values are left out. */
const longestValue = 8 * 1024;

export const headerToMetadata: HttpFilterType = {
  typeName,
  compile(configuration) {
    const rules = rulesOf(configuration as Message & Configuration);
    return stream => new HeaderToMetadataFilter(stream, (stream.routeConfig as Rules | undefined) ?? rules);
  },
  compileRoute: configuration => rulesOf(configuration as Message & Configuration),
};

type Head = RequestHeaders | ResponseHeaders;
type Rule = (head: Head, info: StreamInfo) => void;

interface Rules {
  request: readonly Rule[];
  response: readonly Rule[];
}

function rulesOf({ requestRules, responseRules }: Configuration): Rules {
  return { request: requestRules.map(ruleOf), response: responseRules.map(ruleOf) };
}

function ruleOf({ header, cookie, onHeaderPresent, onHeaderMissing, remove }: RuleConfiguration): Rule {
  const name = header.toLowerCase();
  const present = onHeaderPresent && writer(onHeaderPresent);
  const missing = onHeaderMissing && writer(onHeaderMissing);
  return (head, info) => {
    const found = name === '' ? cookiesOf(head).get(cookie) : head.lookup(name);
    (found === undefined ? missing : present)?.(found ?? '', info);
    if (remove && name !== '' && found !== undefined) head.remove(name);
  };
}

/** Writes what a header or cookie holds, or the fixed value of the rule, in the form that is asked for. */
function writer(pair: KeyValuePair): (text: string, info: StreamInfo) => void {
  const namespace = pair.metadataNamespace || ownNamespace;
  const fixed = pair.value === '' ? undefined : Buffer.from(pair.value, 'utf8').toString('latin1');
  const rewrite = pair.regexValueRewrite && regexRewrite(pair.regexValueRewrite);
  return (text, info) => {
    const value = metadataValue(fixed ?? rewrite?.(text) ?? text, pair);
    if (value !== undefined) info.setMetadata(namespace, { [pair.key]: value });
  };
}

/** Undefined where the text is no such value: nothing is written then. */
function metadataValue(text: string, { type, encode }: KeyValuePair): Json | undefined {
  if (text === '' || text.length >= longestValue) return undefined;
  const plain = encode === ValueEncode.BASE64 ? decoded(text) : text;
  if (plain === undefined) return undefined;
  if (type === ValueType.NUMBER) return numberOf(plain);
  return type === ValueType.PROTOBUF_VALUE ? protobufValue(plain) : plain;
}

function decoded(text: string): string | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64').toString('latin1') : undefined;
}

function numberOf(text: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}

function protobufValue(bytes: string): Json | undefined {
  try {
    return readProtobufValue(Buffer.from(bytes, 'latin1'));
  } catch (error) {
    if (error instanceof MalformedValue) return undefined;
    throw error;
  }
}

class HeaderToMetadataFilter extends StreamFilter {
  readonly #rules: Rules;

  constructor(stream: FilterStream, rules: Rules) {
    super(stream);
    this.#rules = rules;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    for (const rule of this.#rules.request) rule(head, this.stream.info);
    return 'continue';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    for (const rule of this.#rules.response) rule(head, this.stream.info);
    return 'continue';
  }
}

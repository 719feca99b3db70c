/** What a route tells rate limit filters: rules whose actions make descriptors of a request. */

import { RateLimit_Action_MetaData_Source as MetadataSource, RateLimitUnit } from '../api/enums.js';
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type {
  RateLimit_Action as Action,
  RateLimit as Configuration,
  RateLimit_Action_MetaData as MetadataAction,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { Descriptor as ExpressionDescriptor } from '../api/envoy/extensions/rate_limit_descriptors/expr/v3/expr_pb.js';
import type { MetadataKey } from '../api/envoy/type/metadata/v3/metadata_pb.js';
import { compileExpression, compileParsedExpression } from '../cel/expression.ts';
import { isObject } from '../configuration/json.ts';
import { typedConfig } from '../configuration/typed-config.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { splitAddress } from '../net/address-range.ts';
import { isPipe } from '../net/pipe.ts';
import type { StreamInfo } from '../stream-info.ts';
import { maskedAddress } from './masked-address.ts';
import { headerTest, queryParameters, queryTest } from './string-match.ts';

/** One pair of a descriptor. */
export interface DescriptorEntry {
  key: string;
  value: string;
}

export type Descriptor = readonly DescriptorEntry[];

/** A limit that a request brings along, for a service to keep in place of its own. */
export interface LimitOverride {
  requestsPerUnit: number;
  /** A number of `envoy.type.v3.RateLimitUnit`. */
  unit: number;
}

/** What actions look at. */
export interface RateLimitedRequest {
  head: RequestHeaders;
  info: StreamInfo;
  /** The cluster that the route chose; '' where there is none. */
  clusterName: string;
  /** `--service-cluster` of this proxy. */
  nodeCluster: string;
}

/** Undefined: the action has nothing to say, so the whole rule makes no descriptor; null: this entry is left out. */
type Part = (request: RateLimitedRequest) => DescriptorEntry | null | undefined;

export class RateLimitRule {
  readonly stage: number;
  /** The runtime key of the percentage of requests that it is for; '': for all. */
  readonly enabledKey: string;
  readonly #parts: readonly Part[];
  readonly #limitAt: MetadataKey | undefined;

  constructor(configuration: Configuration) {
    this.stage = configuration.stage ?? 0;
    this.enabledKey = configuration.disableKey && `ratelimit.${configuration.disableKey}.http_filter_enabled`;
    this.#limitAt = configuration.limit?.overrideSpecifier.value?.metadataKey;
    this.#parts = configuration.actions.map(partOf);
  }

  descriptor(request: RateLimitedRequest): Descriptor | undefined {
    const entries: DescriptorEntry[] = [];
    for (const part of this.#parts) {
      const entry = part(request);
      if (entry === undefined) return undefined;
      if (entry !== null) entries.push(entry);
    }
    return entries.length === 0 ? undefined : entries;
  }

  /** The limit that filters before noted for this request; undefined where there is none. */
  override({ metadata }: StreamInfo): LimitOverride | undefined {
    if (this.#limitAt === undefined) return undefined;
    const { namespace, keys } = placeOf(this.#limitAt);
    const said = metadata?.at(namespace, keys);
    if (!isObject(said) || typeof said.requests_per_unit !== 'number' || typeof said.unit !== 'string')
      return undefined;
    const unit = unitNumbers.get(said.unit);
    return unit === undefined ? undefined : { requestsPerUnit: said.requests_per_unit >>> 0, unit };
  }
}

const unitNumbers = new Map(
  Object.entries(RateLimitUnit).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
);

function placeOf({ key, path }: MetadataKey): { namespace: string; keys: string[] } {
  return { namespace: key, keys: path.map(({ segment }) => segment.value ?? '') };
}

function ofMetadata({ descriptorKey: key, metadataKey, defaultValue, source, skipIfAbsent }: MetadataAction): Part {
  const { namespace, keys } = placeOf(metadataKey!);
  const ofRoute = source === MetadataSource.ROUTE_ENTRY;
  return ({ info }) => {
    const found = (ofRoute ? info.routeMetadata : info.metadata)?.at(namespace, keys);
    const value = (typeof found === 'string' ? found : '') || defaultValue;
    if (value !== '') return { key, value };
    return skipIfAbsent ? null : undefined;
  };
}

const expressionType = 'envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor';

function ofExtension({ typedConfig: any, name }: TypedExtensionConfig): Part {
  const stated = typedConfig<ExpressionDescriptor>(any, expressionType);
  if (stated === undefined) throw new Error(`rate limit action ${name} is not supported`);
  const { descriptorKey: key, skipIfError, exprSpecifier: said } = stated;
  const expression = said.case === 'parsed' ? compileParsedExpression(said.value) : compileExpression(said.value ?? '');
  return ({ info }) => {
    const value = expression.print(info);
    if (value !== undefined) return { key, value };
    return skipIfError ? null : undefined;
  };
}

function partOf({ actionSpecifier: specifier }: Action): Part {
  switch (specifier.case) {
    case 'genericKey': {
      const entry = { key: specifier.value.descriptorKey || 'generic_key', value: specifier.value.descriptorValue };
      return () => entry;
    }
    case 'requestHeaders': {
      const { headerName, descriptorKey: key, skipIfAbsent } = specifier.value;
      const name = headerName.toLowerCase();
      return ({ head }) => {
        const value = head.lookup(name);
        if (value === undefined) return skipIfAbsent ? null : undefined;
        return { key, value };
      };
    }
    case 'remoteAddress':
      return ({ info }) => {
        const { address } = splitAddress(info.downstreamRemoteAddress);
        return isPipe(address) ? undefined : { key: 'remote_address', value: address };
      };
    case 'maskedRemoteAddress': {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = specifier.value;
      return ({ info }) => {
        const { address } = splitAddress(info.downstreamRemoteAddress);
        if (isPipe(address)) return undefined;
        return { key: 'masked_remote_address', value: maskedAddress(address, v4PrefixMaskLen, v6PrefixMaskLen) };
      };
    }
    case 'sourceCluster':
      return ({ nodeCluster }) => ({ key: 'source_cluster', value: nodeCluster });
    case 'destinationCluster':
      return ({ clusterName }) => ({ key: 'destination_cluster', value: clusterName });
    case 'headerValueMatch': {
      const { descriptorKey, descriptorValue: value, expectMatch = true, headers } = specifier.value;
      const tests = headers.map(headerTest);
      const entry = { key: descriptorKey || 'header_match', value };
      return ({ head }) => (tests.every(test => test(head)) === expectMatch ? entry : undefined);
    }
    case 'queryParameterValueMatch': {
      const { descriptorKey, descriptorValue: value, expectMatch = true } = specifier.value;
      const tests = specifier.value.queryParameters.map(queryTest);
      const entry = { key: descriptorKey || 'query_match', value };
      return ({ head }) => {
        const parameters = queryParameters(head.path);
        return tests.every(test => test(parameters)) === expectMatch ? entry : undefined;
      };
    }
    case 'metadata':
      return ofMetadata(specifier.value);
    case 'extension':
      return ofExtension(specifier.value);
    default:
      throw new Error(`rate limit action ${specifier.case} is not supported`);
  }
}

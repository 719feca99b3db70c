/** What a route tells rate limit filters: rules whose actions make descriptors of a request. */
import type {
  RateLimit_Action as Action,
  RateLimit as Configuration,
} from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import type { StreamInfo } from '../stream-info.ts';
import { maskedAddress } from './masked-address.ts';
import { headerTest, queryParameters, queryTest } from './string-match.ts';

/** One pair of a descriptor. */
export interface DescriptorEntry {
  key: string;
  value: string;
}

export type Descriptor = readonly DescriptorEntry[];

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
  readonly #parts: readonly Part[];

  constructor(configuration: Configuration) {
    this.stage = configuration.stage ?? 0;
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
      return ({ info }) => ({ key: 'remote_address', value: addressOf(info.downstreamRemoteAddress) });
    case 'maskedRemoteAddress': {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = specifier.value;
      return ({ info }) => ({
        key: 'masked_remote_address',
        value: maskedAddress(addressOf(info.downstreamRemoteAddress), v4PrefixMaskLen, v6PrefixMaskLen),
      });
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
    default:
      throw new Error(`rate limit action ${specifier.case} is not supported`);
  }
}

/** `1.2.3.4:5` or `[::1]:5` without the port. */
function addressOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

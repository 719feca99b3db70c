/** Which requests an access log takes. */

import { AccessLogType, ComparisonFilter_Op, FractionalPercent_DenominatorType } from '../api/enums.js';
import type {
  AccessLogFilter,
  ComparisonFilter,
  ExtensionFilter,
  MetadataFilter,
  RuntimeFilter,
} from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { HeaderMatcher } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { ExpressionFilter } from '../api/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import { compileExpression } from '../cel/expression.ts';
import { typedConfig } from '../configuration/typed-config.ts';
import { grpcStatus } from '../grpc/status.ts';
import { metadataTest } from '../routing/metadata-match.ts';
import { headerTest } from '../routing/string-match.ts';
import { denominators } from '../runtime/fractional-percent.ts';
import { RuntimeNumber, type RuntimeValues } from '../runtime/runtime-values.ts';
import { flagNames, type StreamInfo } from '../stream-info.ts';
import { grpcStatusOf } from './grpc-commands.ts';

/** The names of the types of entries, by their numbers. */
const logTypes = Object.fromEntries(Object.entries(AccessLogType).map(([name, number]) => [number, name]));

/** Whether a request is logged. */
export type Filter = (info: StreamInfo) => boolean;

/** Compiles a filter; without one, everything is logged. @param runtime may say how much is logged */
export function compileFilter(config: AccessLogFilter | undefined, runtime?: RuntimeValues): Filter {
  const specifier = config?.filterSpecifier;
  if (specifier?.case === undefined) return () => true;
  switch (specifier.case) {
    case 'statusCodeFilter':
      return compare(specifier.value.comparison, info => info.responseCode);
    case 'durationFilter':
      return compare(specifier.value.comparison, info => info.durationMs);
    case 'notHealthCheckFilter':
      return info => !info.healthCheck;
    case 'traceableFilter':
      // As in Envoy: not those that are traced by chance.
      return info => info.traceForced && !info.healthCheck;
    case 'extensionFilter':
      return extension(specifier.value);
    case 'runtimeFilter':
      return share(specifier.value, runtime);
    case 'headerFilter':
      return header(specifier.value.header);
    case 'andFilter':
      return every(specifier.value.filters.map(filter => compileFilter(filter, runtime)));
    case 'orFilter':
      return some(specifier.value.filters.map(filter => compileFilter(filter, runtime)));
    case 'grpcStatusFilter': {
      const { statuses, exclude } = specifier.value;
      const wanted = new Set<number>(statuses);
      return info => wanted.has(grpcStatusOf(info) ?? grpcStatus.UNKNOWN) !== exclude;
    }
    case 'logTypeFilter': {
      const { types, exclude } = specifier.value;
      const wanted = new Set(types.map(type => logTypes[type]));
      return info => wanted.has(info.accessLogType) !== exclude;
    }
    case 'metadataFilter':
      return metadata(specifier.value);
    case 'responseFlagFilter':
      return flags(specifier.value.flags);
  }
}

const expressionType = 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter';

function extension({ configType, name }: ExtensionFilter): Filter {
  const stated = typedConfig<ExpressionFilter>(configType.value, expressionType);
  if (stated === undefined) throw new Error(`the access log filter ${name} is not supported by this proxy`);
  const expression = compileExpression(stated.expression);
  return info => expression.holds(info);
}

const largestRandom = 0x1_0000_0000;

/** A share by the request's id, so that several proxies decide alike; by chance where it has none, or that is asked for. */
function share(config: RuntimeFilter, runtime: RuntimeValues | undefined): Filter {
  const numerator = new RuntimeNumber(config.percentSampled?.numerator ?? 0, config.runtimeKey, runtime);
  const denominator = denominators[config.percentSampled?.denominator ?? FractionalPercent_DenominatorType.HUNDRED];
  return ({ requestId }) => {
    const byId = config.useIndependentRandomness ? Number.NaN : Number.parseInt(requestId.slice(0, 8), 16);
    const random = Number.isNaN(byId) ? Math.floor(Math.random() * largestRandom) : byId;
    return random % denominator < numerator.value;
  };
}

function compare(comparison: ComparisonFilter | undefined, read: (info: StreamInfo) => number): Filter {
  const limit = comparison?.value?.defaultValue ?? 0;
  switch (comparison?.op) {
    case ComparisonFilter_Op.GE:
      return info => read(info) >= limit;
    case ComparisonFilter_Op.LE:
      return info => read(info) <= limit;
    default:
      return info => read(info) === limit;
  }
}

function header(matcher: HeaderMatcher | undefined): Filter {
  const test = matcher ? headerTest(matcher) : () => false;
  return ({ requestHeaders }) => requestHeaders !== undefined && test(requestHeaders);
}

/** What is said where the metadata have no such value holds, whatever else is asked. */
function metadata({ matcher, matchIfKeyNotFound }: MetadataFilter): Filter {
  const whenMissing = matchIfKeyNotFound ?? true;
  if (matcher === undefined) return () => whenMissing;
  const test = metadataTest(matcher);
  const keys = matcher.path.map(({ segment }) => segment.value ?? '');
  return info => (info.metadata?.at(matcher.filter, keys) === undefined ? whenMissing : test(info.metadata));
}

function every(filters: readonly Filter[]): Filter {
  return info => filters.every(filter => filter(info));
}

function some(filters: readonly Filter[]): Filter {
  return info => filters.some(filter => filter(info));
}

/** Any of the named flags; none named means any flag at all. */
function flags(names: readonly string[]): Filter {
  if (names.length === 0) return info => info.flags !== 0;
  let mask = 0;
  flagNames.forEach(([short], bit) => {
    if (names.includes(short)) mask |= 1 << bit;
  });
  return info => (info.flags & mask) !== 0;
}

/** Which requests an access log takes. */

import { ComparisonFilter_Op } from '../api/enums.js';
import type { AccessLogFilter, ComparisonFilter } from '../api/envoy/config/accesslog/v3/accesslog_pb.js';
import type { HeaderMatcher } from '../api/envoy/config/route/v3/route_components_pb.js';
import { headerTest } from '../routing/string-match.ts';
import { flagNames, type StreamInfo } from '../stream-info.ts';

/** Whether a request is logged. */
export type Filter = (info: StreamInfo) => boolean;

/** Compiles a filter; without one, everything is logged. */
export function compileFilter(config: AccessLogFilter | undefined): Filter {
  const specifier = config?.filterSpecifier;
  if (specifier?.case === undefined) return () => true;
  switch (specifier.case) {
    case 'statusCodeFilter':
      return compare(specifier.value.comparison, info => info.responseCode);
    case 'durationFilter':
      return compare(specifier.value.comparison, info => info.durationMs);
    case 'notHealthCheckFilter':
      return info => !info.healthCheck;
    case 'headerFilter':
      return header(specifier.value.header);
    case 'andFilter':
      return every(specifier.value.filters.map(compileFilter));
    case 'orFilter':
      return some(specifier.value.filters.map(compileFilter));
    case 'responseFlagFilter':
      return flags(specifier.value.flags);
    default:
      throw new Error(`the access log filter ${specifier.case} is not supported by this proxy`);
  }
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

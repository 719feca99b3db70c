/** Which scope a request belongs to: a key that is made of its headers. */
import type {
  ScopedRoutes_ScopeKeyBuilder as Builder,
  ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor as Extractor,
} from '../api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { RequestHeaders } from '../http/headers.ts';

/** One text for all fragments; undefined where one of them is not there. */
export type ScopeKeyBuilder = (head: RequestHeaders) => string | undefined;

/** Fragments as one text; a header's value cannot hold what stands between them. */
export const scopeKeyOf = (fragments: readonly string[]): string => fragments.join('\0');

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto#envoy-v3-api-msg-extensions-filters-network-http-connection-manager-v3-scopedroutes-scopekeybuilder */
export function scopeKeyBuilder({ fragments }: Builder): ScopeKeyBuilder {
  const extracts = fragments.map(({ type }) => extraction(type.value as Extractor));
  return head => {
    const found: string[] = [];
    for (const extract of extracts) {
      const fragment = extract(head);
      if (fragment === undefined) return undefined;
      found.push(fragment);
    }
    return scopeKeyOf(found);
  };
}

function extraction({ name, elementSeparator, extractType }: Extractor): (head: RequestHeaders) => string | undefined {
  const header = name.toLowerCase();
  const isPseudo = header === 'host' || header.startsWith(':');
  const pick = elementPick(extractType);
  return head => {
    // Of several headers the first one decides.
    const value = isPseudo ? head.lookup(header) : head.get(header);
    if (value === undefined) return undefined;
    return pick(elementSeparator === '' ? [value] : value.split(elementSeparator));
  };
}

function elementPick(wanted: Extractor['extractType']): (elements: readonly string[]) => string | undefined {
  if (wanted.case === 'element') {
    const { separator, key } = wanted.value;
    return elements => elementOf(elements, separator, key);
  }
  const index = wanted.value ?? 0;
  return elements => elements[index];
}

/** An element that is its key alone has the empty value. */
function elementOf(elements: readonly string[], separator: string, key: string): string | undefined {
  for (const element of elements) {
    const at = element.indexOf(separator);
    if ((at < 0 ? element : element.slice(0, at)) === key) return at < 0 ? '' : element.slice(at + separator.length);
  }
  return undefined;
}

/** Compiles Envoy's matchers of strings, headers and query parameters to functions, once. */
import type { HeaderMatcher, QueryParameterMatcher } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RegexMatcher } from '../api/envoy/type/matcher/v3/regex_pb.js';
import type { StringMatcher } from '../api/envoy/type/matcher/v3/string_pb.js';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';

export type StringTest = (text: string) => boolean;
export type HeaderTest = (headers: RequestHeaders | ResponseHeaders) => boolean;

/** A regular expression that has to match the whole text, as RE2's full match. */
export function fullMatch(matcher: RegexMatcher | undefined): RegExp {
  return new RegExp(`^(?:${matcher?.regex ?? ''})$`, 'su');
}

export function stringTest(matcher: StringMatcher | undefined): StringTest {
  const pattern = matcher?.matchPattern;
  if (pattern === undefined || pattern.case === undefined || pattern.case === 'custom') return () => false;
  if (pattern.case === 'safeRegex') {
    const regex = fullMatch(pattern.value);
    return text => regex.test(text);
  }
  const fold = matcher?.ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const wanted = fold(pattern.value);
  if (pattern.case === 'exact') return text => fold(text) === wanted;
  if (pattern.case === 'prefix') return text => fold(text).startsWith(wanted);
  if (pattern.case === 'suffix') return text => fold(text).endsWith(wanted);
  return text => fold(text).includes(wanted);
}

export function headerTest(matcher: HeaderMatcher): HeaderTest {
  const name = matcher.name.toLowerCase();
  const test = valueTest(matcher);
  const invert = matcher.invertMatch;
  const specifier = matcher.headerMatchSpecifier;
  if (specifier.case === undefined || specifier.case === 'presentMatch') {
    const wanted = (specifier.case === 'presentMatch' ? specifier.value : true) !== invert;
    return headers => (headers.lookup(name) !== undefined || matcher.treatMissingHeaderAsEmpty) === wanted;
  }
  const pseudo = name === 'host' || name.startsWith(':');
  return headers => {
    const found = pseudo ? testPseudo(headers, name, test) : testValues(headers.entries, name, test);
    // A header that is missing never matches, not even inverted: there is no value to test.
    if (found === undefined) return matcher.treatMissingHeaderAsEmpty && test('') !== invert;
    return found !== invert;
  };
}

function testPseudo(headers: RequestHeaders | ResponseHeaders, name: string, test: StringTest): boolean | undefined {
  const value = headers.lookup(name);
  return value === undefined ? undefined : test(value);
}

/**
 * Whether one of a header's values fits, each by itself: what is refused by a value does not get through by coming beside another.
 * Undefined where the header is missing.
 */
function testValues(entries: readonly string[], name: string, test: StringTest): boolean | undefined {
  let found: false | undefined;
  for (let i = 0; i < entries.length; i += 2) {
    if (entries[i] !== name) continue;
    if (test(entries[i + 1]!)) return true;
    found = false;
  }
  return found;
}

function valueTest(matcher: HeaderMatcher): StringTest {
  const specifier = matcher.headerMatchSpecifier;
  switch (specifier.case) {
    case 'exactMatch':
      return value => value === specifier.value;
    case 'prefixMatch':
      return value => value.startsWith(specifier.value);
    case 'suffixMatch':
      return value => value.endsWith(specifier.value);
    case 'containsMatch':
      return value => value.includes(specifier.value);
    case 'safeRegexMatch': {
      const regex = fullMatch(specifier.value);
      return value => regex.test(value);
    }
    case 'rangeMatch': {
      const { start, end } = specifier.value;
      return value => /^[+-]?\d{1,18}$/.test(value) && BigInt(value) >= start && BigInt(value) < end;
    }
    case 'stringMatch':
      return stringTest(specifier.value);
    default:
      return () => true;
  }
}

/** Tests the query of a path. */
export function queryTest(matcher: QueryParameterMatcher): (parameters: ReadonlyMap<string, string>) => boolean {
  const specifier = matcher.queryParameterMatchSpecifier;
  if (specifier.case === 'stringMatch') {
    const test = stringTest(specifier.value);
    return parameters => {
      const value = parameters.get(matcher.name);
      return value !== undefined && test(value);
    };
  }
  const wanted = specifier.case === 'presentMatch' ? specifier.value : true;
  return parameters => parameters.has(matcher.name) === wanted;
}

/** The parameters of a path's query, the first of each name, as they stand there. */
export function queryParameters(path: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const start = path.indexOf('?');
  if (start < 0) return parameters;
  const fragment = path.indexOf('#', start);
  const query = path.slice(start + 1, fragment < 0 ? undefined : fragment);
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (name !== '' && !parameters.has(name)) parameters.set(name, equals < 0 ? '' : part.slice(equals + 1));
  }
  return parameters;
}

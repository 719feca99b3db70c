/** Compiles the path part of a route match. */
import type { TypedExtensionConfig } from '../api/envoy/config/core/v3/extension_pb.js';
import type { RouteMatch } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { UriTemplateMatchConfig } from '../api/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { fullMatch } from './string-match.ts';
import { templatePattern } from './uri-template.ts';

/** What a match found: the part of the path that a prefix_rewrite replaces. */
export type PathTest = (path: string) => boolean;

/** The path without query and fragment. */
export function withoutQuery(path: string): string {
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === 63 || c === 35) return path.slice(0, i);
  }
  return path;
}

/** The same of a path without what comes after a `;` in each of its parts. */
export function withoutParameters(test: PathTest): PathTest {
  return path => test(withoutQuery(path).replace(/;[^/]*/g, ''));
}

export function pathTest(match: RouteMatch | undefined): PathTest {
  const specifier = match?.pathSpecifier;
  const sensitive = match?.caseSensitive ?? true;
  const fold = sensitive ? (text: string) => text : (text: string) => text.toLowerCase();
  switch (specifier?.case) {
    case 'prefix': {
      const prefix = fold(specifier.value);
      if (prefix === '/') return path => path.charCodeAt(0) === 47;
      return path => fold(path).startsWith(prefix);
    }
    case 'path': {
      const wanted = fold(specifier.value);
      return path => fold(withoutQuery(path)) === wanted;
    }
    case 'pathSeparatedPrefix': {
      const prefix = fold(specifier.value);
      return path => {
        const bare = fold(withoutQuery(path));
        return bare === prefix || bare.startsWith(`${prefix}/`);
      };
    }
    case 'safeRegex': {
      const regex = fullMatch(specifier.value);
      return path => regex.test(withoutQuery(path));
    }
    case 'pathMatchPolicy': {
      const pattern = templatePattern(templateOf(match) ?? '');
      return path => pattern.test(withoutQuery(path));
    }
    case 'connectMatcher':
      return () => true;
    default:
      return () => false;
  }
}

/** The template that paths are to match; undefined where another kind of match is asked for. */
export function templateOf(match: RouteMatch | undefined): string | undefined {
  const specifier = match?.pathSpecifier;
  if (specifier?.case !== 'pathMatchPolicy') return undefined;
  const typeName = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
  const config = typedConfig<UriTemplateMatchConfig>(specifier.value.typedConfig, typeName);
  if (config === undefined) throw unknownExtension(specifier.value);
  return config.pathTemplate;
}

/** What Envoy says of a config of another kind than is asked for. */
export function unknownExtension({ name, typedConfig: any }: TypedExtensionConfig): Error {
  const type = any?.typeUrl.replace(/^.*\//, '') ?? '';
  return new Error(`Didn't find a registered implementation for '${name}' with type URL: '${type}'`);
}

/** The text that a prefix rewrite takes away: the matched prefix, or the whole path of an exact or regex match. */
export function matchedPart(match: RouteMatch | undefined, path: string): string {
  const specifier = match?.pathSpecifier;
  if (specifier?.case === 'prefix' || specifier?.case === 'pathSeparatedPrefix') return specifier.value;
  return withoutQuery(path);
}

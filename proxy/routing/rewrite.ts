/** Rewrites of paths: of the part that matched, or by regular expressions in RE2's words. */
import type { RouteMatch } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RegexMatchAndSubstitute } from '../api/envoy/type/matcher/v3/regex_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { asBytes } from '../net/latin1.ts';
import { matchedPart, withoutQuery } from './path-match.ts';

export type Rewrite = (text: string) => string;

/** Replaces every match; `\1` in the substitution stands for a group. */
export function regexRewrite({ pattern, substitution }: RegexMatchAndSubstitute): Rewrite {
  const regex = new RegExp(pattern?.regex ?? '', 'gsu');
  const replacement = asBytes(substitution)
    .replace(/\$/g, '$$$$')
    .replace(/\\(\d)/g, (_, digit) => (digit === '0' ? '$&' : `$${digit}`))
    .replace(/\\\\/g, '\\');
  return text => text.replace(regex, replacement);
}

/** Applies a rewrite to the path alone, keeping the query. */
export function rewritePath(path: string, rewrite: Rewrite): string {
  const bare = withoutQuery(path);
  return rewrite(bare) + path.slice(bare.length);
}

/** How a path is rewritten: what matched of it gives way to `prefix`, or `regex` is applied; undefined where neither is there. */
export function pathRewrite(
  match: RouteMatch | undefined,
  prefix: string,
  regex: RegexMatchAndSubstitute | undefined,
): Rewrite | undefined {
  if (prefix !== '') {
    const replacement = asBytes(prefix);
    return path => replacement + path.slice(matchedPart(match, path).length);
  }
  if (regex === undefined) return undefined;
  const rewrite = regexRewrite(regex);
  return path => rewritePath(path, rewrite);
}

/** Gives a request another path. What it was before is kept in a header unless `suppress`. */
export function changePath(head: RequestHeaders, rewrite: Rewrite, suppress: boolean): void {
  const before = head.path;
  head.path = rewrite(before);
  if (!suppress) head.set('x-envoy-original-path', before);
}

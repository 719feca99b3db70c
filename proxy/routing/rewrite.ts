/** Rewrites of paths: of the part that matched, or by regular expressions in RE2's words. */
import type { RouteAction, RouteMatch } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { UriTemplateRewriteConfig } from '../api/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js';
import type { RegexMatchAndSubstitute } from '../api/envoy/type/matcher/v3/regex_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { asBytes } from '../net/latin1.ts';
import { matchedPart, templateOf, unknownExtension, withoutQuery } from './path-match.ts';
import { templateRewrite } from './uri-template.ts';

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

/** What an action's path_rewrite_policy makes of a path; undefined where it has none. */
export function templatedRewrite(match: RouteMatch | undefined, action: RouteAction): Rewrite | undefined {
  const { pathRewritePolicy: policy, prefixRewrite, regexRewrite: regex } = action;
  const template = templateOf(match);
  if (template !== undefined && prefixRewrite !== '' && policy === undefined)
    throw new Error('Cannot use prefix_rewrite with matcher extension');
  if (policy === undefined) return undefined;
  if (prefixRewrite !== '' || regex !== undefined)
    throw new Error('Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy');
  if (template === undefined) throw new Error(withoutMatcher);
  const typeName = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';
  const config = typedConfig<UriTemplateRewriteConfig>(policy.typedConfig, typeName);
  if (config === undefined) throw unknownExtension(policy);
  const rewrite = templateRewrite(config.pathTemplateRewrite, template);
  return path => rewritePath(path, bare => rewrite(bare) ?? bare);
}

const withoutMatcher =
  'unable to use envoy.path.rewrite.uri_template.uri_template_rewriter extension without envoy.path.match.uri_template.uri_template_matcher extension';

/** Gives a request another path. What it was before is kept in a header unless `suppress`. */
export function changePath(head: RequestHeaders, rewrite: Rewrite, suppress: boolean): void {
  const before = head.path;
  head.path = rewrite(before);
  if (!suppress) head.set('x-envoy-original-path', before);
}

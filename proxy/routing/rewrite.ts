/** Rewrites of paths by regular expressions in RE2's words. */
import type { RegexMatchAndSubstitute } from '../api/envoy/type/matcher/v3/regex_pb.js';
import { withoutQuery } from './path-match.ts';

export type Rewrite = (text: string) => string;

/** Replaces every match; `\1` in the substitution stands for a group. */
export function regexRewrite({ pattern, substitution }: RegexMatchAndSubstitute): Rewrite {
  const regex = new RegExp(pattern?.regex ?? '', 'gsu');
  const replacement = substitution
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

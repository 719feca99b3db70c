/** Routes that answer by themselves: redirects and direct responses. */

import { RedirectAction_RedirectResponseCode as Code } from '../api/enums.js';
import type { RedirectAction, Route } from '../api/envoy/config/route/v3/route_components_pb.js';
import { readDataSource } from '../data-source.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { asBytes, latin1 } from '../net/latin1.ts';
import { templateOf, withoutQuery } from './path-match.ts';
import { pathRewrite, type Rewrite } from './rewrite.ts';

export interface DirectAction {
  kind: 'redirect' | 'direct-response';
  status: number;
  body: string;
  /** The Location of a redirect. */
  location(head: RequestHeaders): string;
  /** What becomes of the request's own path, as logs tell it: where a redirect rewrites it, that too. */
  pathRewrite: Rewrite | undefined;
}

const redirectStatus = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

/**
 * The action of a route that needs no cluster, or undefined.
 * @param maxBody of a direct response, in bytes
 * @throws Error for one that is longer
 */
export function directAction(route: Route, maxBody: number): DirectAction | undefined {
  const { action } = route;
  if (action.case === 'redirect') {
    const redirect = action.value;
    return {
      kind: 'redirect',
      status: redirectStatus[redirect.responseCode] ?? 301,
      body: '',
      location: redirectLocation(redirect, ownRewrite(redirect, route)),
      pathRewrite: ownRewrite(redirect, route),
    };
  }
  if (action.case !== 'directResponse') return undefined;
  const { body: source } = action.value;
  const bytes = readDataSource(source);
  if (bytes !== undefined && bytes.length > maxBody) {
    const what = source?.specifier.case === 'filename' ? `file ${source.specifier.value}` : 'response body';
    throw new Error(`${what} size is ${bytes.length} bytes; maximum is ${maxBody}`);
  }
  const body = bytes === undefined ? '' : latin1(bytes);
  const { status } = action.value;
  const located = status === 201 || (status >= 300 && status < 400);
  const location = (head: RequestHeaders) => (located ? ownUri(head) : '');
  return { kind: 'direct-response', status, body, location, pathRewrite: undefined };
}

/**
 * The Location that a redirect gives to a request.
 * @param rewrite what it makes of the path, where it does not state another one
 */
export function redirectLocation(
  redirect: RedirectAction,
  rewrite: Rewrite = path => path,
): (head: RequestHeaders) => string {
  const pathOf = newPath(redirect, rewrite);
  return head => locationOf(redirect, head, pathOf);
}

function ownUri(head: RequestHeaders): string {
  return `${head.get('x-forwarded-proto') ?? head.scheme}://${head.authority}${head.path}`;
}

function locationOf(redirect: RedirectAction, head: RequestHeaders, pathOf: Rewrite): string {
  const scheme = schemeOf(redirect, head);
  return `${scheme}://${hostOf(redirect, head, scheme)}${pathOf(head.path)}`;
}

function schemeOf({ schemeRewriteSpecifier: specifier }: RedirectAction, head: RequestHeaders): string {
  if (specifier.case === 'httpsRedirect' && specifier.value) return 'https';
  if (specifier.case === 'schemeRedirect' && specifier.value !== '') return specifier.value;
  return head.get('x-forwarded-proto') ?? head.scheme;
}

/** The host; a port that is the default of the old scheme is left out where the scheme changes. */
function hostOf(redirect: RedirectAction, head: RequestHeaders, scheme: string): string {
  const before = head.authority;
  const port = /:(\d+)$/.exec(before)?.[1];
  const name = redirect.hostRedirect !== '' ? asBytes(redirect.hostRedirect) : before.replace(/:\d+$/, '');
  if (redirect.portRedirect !== 0) return `${name}:${redirect.portRedirect}`;
  if (redirect.hostRedirect !== '' || port === undefined) return name;
  const from = head.get('x-forwarded-proto') ?? head.scheme;
  const isDefault = (from === 'http' && port === '80') || (from === 'https' && port === '443');
  return isDefault && scheme !== from ? name : before;
}

/** The path of the Location, with its query. */
function newPath({ pathRewriteSpecifier: specifier, stripQuery }: RedirectAction, rewrite: Rewrite): Rewrite {
  const queryOf = (path: string) => (stripQuery ? '' : path.slice(withoutQuery(path).length));
  if (specifier.case === 'pathRedirect') {
    const to = asBytes(specifier.value);
    return to.includes('?') ? () => to : path => to + queryOf(path);
  }
  return stripQuery ? path => withoutQuery(rewrite(path)) : rewrite;
}

function ownRewrite({ pathRewriteSpecifier: specifier }: RedirectAction, { match }: Route): Rewrite | undefined {
  if (specifier.case === 'prefixRewrite' && templateOf(match) !== undefined)
    throw new Error('Cannot use redirect.prefix_rewrite with path_match_policy');
  const regex = specifier.case === 'regexRewrite' ? specifier.value : undefined;
  return pathRewrite(match, specifier.case === 'prefixRewrite' ? specifier.value : '', regex);
}

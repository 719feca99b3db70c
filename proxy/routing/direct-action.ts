/** Routes that answer by themselves: redirects and direct responses. */

import { RedirectAction_RedirectResponseCode as Code } from '../api/enums.js';
import type { RedirectAction, Route } from '../api/envoy/config/route/v3/route_components_pb.js';
import { readDataSource } from '../data-source.ts';
import type { RequestHeaders } from '../http/headers.ts';
import { latin1 } from '../net/latin1.ts';
import { matchedPart, withoutQuery } from './path-match.ts';
import { regexRewrite, rewritePath } from './rewrite.ts';

export interface DirectAction {
  kind: 'redirect' | 'direct-response';
  status: number;
  body: string;
  /** The Location of a redirect. */
  location(head: RequestHeaders): string;
}

const redirectStatus = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

/** The action of a route that needs no cluster, or undefined. */
export function directAction(route: Route): DirectAction | undefined {
  const { action } = route;
  if (action.case === 'redirect') {
    const redirect = action.value;
    return {
      kind: 'redirect',
      status: redirectStatus[redirect.responseCode] ?? 301,
      body: '',
      location: head => locationOf(redirect, route, head),
    };
  }
  if (action.case !== 'directResponse') return undefined;
  const bytes = readDataSource(action.value.body);
  const body = bytes === undefined ? '' : latin1(bytes);
  const { status } = action.value;
  const located = status === 201 || (status >= 300 && status < 400);
  return { kind: 'direct-response', status, body, location: head => (located ? ownUri(head) : '') };
}

function ownUri(head: RequestHeaders): string {
  return `${head.get('x-forwarded-proto') ?? head.scheme}://${head.authority}${head.path}`;
}

function locationOf(redirect: RedirectAction, route: Route, head: RequestHeaders): string {
  const scheme = schemeOf(redirect, head);
  return `${scheme}://${hostOf(redirect, head, scheme)}${pathOf(redirect, route, head)}`;
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
  const name = redirect.hostRedirect !== '' ? redirect.hostRedirect : before.replace(/:\d+$/, '');
  if (redirect.portRedirect !== 0) return `${name}:${redirect.portRedirect}`;
  if (redirect.hostRedirect !== '' || port === undefined) return name;
  const from = head.get('x-forwarded-proto') ?? head.scheme;
  const isDefault = (from === 'http' && port === '80') || (from === 'https' && port === '443');
  return isDefault && scheme !== from ? name : before;
}

function pathOf(redirect: RedirectAction, route: Route, head: RequestHeaders): string {
  const { pathRewriteSpecifier: specifier } = redirect;
  const bare = withoutQuery(head.path);
  const query = redirect.stripQuery ? '' : head.path.slice(bare.length);
  switch (specifier.case) {
    case 'pathRedirect':
      return specifier.value.includes('?') ? specifier.value : specifier.value + query;
    case 'prefixRewrite':
      return specifier.value + bare.slice(matchedPart(route.match, head.path).length) + query;
    case 'regexRewrite':
      return rewritePath(bare, regexRewrite(specifier.value)) + query;
    default:
      return bare + query;
  }
}

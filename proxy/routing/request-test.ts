/** Compiles what a route match asks of a request, all but its share of the requests. */
import type { RouteMatch } from '../api/envoy/config/route/v3/route_components_pb.js';
import type { RequestHeaders } from '../http/headers.ts';
import { pathTest } from './path-match.ts';
import { headerTest, queryParameters, queryTest } from './string-match.ts';

/** Tests the path, then the headers, then the query. */
export function requestTest(match: RouteMatch | undefined): (head: RequestHeaders) => boolean {
  const matchesPath = pathTest(match);
  const headers = match?.headers.map(headerTest) ?? [];
  const query = match?.queryParameters.map(queryTest) ?? [];
  return head => {
    if (!matchesPath(head.path)) return false;
    for (const test of headers) if (!test(head)) return false;
    if (query.length === 0) return true;
    const parameters = queryParameters(head.path);
    return query.every(test => test(parameters));
  };
}

/** Headers with underscores in their names, which some hosts take for hyphens: those could get past what is said of headers here. */
import { HttpProtocolOptions_HeadersWithUnderscoresAction as Action } from '../api/enums.js';
import { CodecError, type HttpVersion } from '../http/codec.ts';
import type { HeaderMap } from '../http/headers.ts';
import { Http2UnderscoreError } from '../http2/errors.ts';
import type { UnderscoreCounters } from '../stats/underscore-counters.ts';

/**
 * Does with a request's head what headers_with_underscores_action says.
 * @param counters asked for where there is such a header
 * @throws CodecError or Http2UnderscoreError where the request is refused
 */
export function checkUnderscores(
  action: Action,
  head: HeaderMap,
  protocol: HttpVersion,
  counters: () => UnderscoreCounters,
): void {
  if (action === Action.ALLOW) return;
  const { entries } = head;
  let found = 0;
  for (let i = 0; i < entries.length; i += 2) if (entries[i]!.includes('_')) found++;
  if (found === 0) return;
  if (action === Action.DROP_HEADER) {
    for (const { dropped } = counters(); found > 0; found--) dropped.increment();
    head.removeIf(name => name.includes('_'));
    return;
  }
  counters().rejected.increment();
  throw protocol === 'HTTP/2' ? new Http2UnderscoreError() : new CodecError(400, 'http1.unexpected_underscore');
}

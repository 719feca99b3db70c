/** What takes the place of a response, by Envoy's policies for it. */
import { compileFormatString } from '../access-log/format-string.ts';
import type { LocalResponsePolicy } from '../api/envoy/extensions/http/custom_response/local_response_policy/v3/local_response_policy_pb.js';
import type { RedirectPolicy } from '../api/envoy/extensions/http/custom_response/redirect_policy/v3/redirect_policy_pb.js';
import type { TypedExtensionConfig } from '../api/xds/core/v3/extension_pb.js';
import { typedConfig } from '../configuration/typed-config.ts';
import { readDataSource } from '../data-source.ts';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { parseTarget } from '../http/target.ts';
import { redirectLocation } from '../routing/direct-action.ts';
import { HeaderMutations } from '../routing/header-mutations.ts';
import type { StatsScope } from '../stats/store.ts';
import type { FilterStream, Verdict } from './filter.ts';

const types = 'envoy.extensions.http.custom_response';

export interface ResponsePolicy {
  /** Puts another response in this one's place. */
  replace(stream: FilterStream, head: ResponseHeaders): Verdict;
}

/** @throws Error for a policy that is none, or says what makes no sense */
export function compileResponsePolicy(stated: TypedExtensionConfig, scope: StatsScope): ResponsePolicy {
  const any = stated.typedConfig;
  const local = typedConfig<LocalResponsePolicy>(any, `${types}.local_response_policy.v3.LocalResponsePolicy`);
  if (local !== undefined) return localPolicy(local);
  const redirect = typedConfig<RedirectPolicy>(any, `${types}.redirect_policy.v3.RedirectPolicy`);
  if (redirect !== undefined) return redirectPolicy(redirect, scope);
  throw new Error(`Didn't find a registered implementation for name: '${stated.name}'`);
}

/** An answer of our own. */
function localPolicy({
  body: source,
  bodyFormat,
  statusCode,
  responseHeadersToAdd,
}: LocalResponsePolicy): ResponsePolicy {
  const text = readDataSource(source)?.toString('latin1') ?? '';
  const print = bodyFormat && compileFormatString(bodyFormat, '');
  const mutations = new HeaderMutations({ add: responseHeadersToAdd, remove: [] });
  return {
    replace(stream, head) {
      const { info } = stream;
      info.localReplyBody = text;
      const body = print?.(info) ?? text;
      info.localReplyBody = '';
      info.answeredSilently = true;
      stream.localReply(statusCode ?? head.status, body, '', response => mutations.apply(response, info));
      return 'stop';
    },
  };
}

/** What the request gets where it is sent anew, to another place. */
function redirectPolicy(said: RedirectPolicy, scope: StatsScope): ResponsePolicy {
  const { statusCode } = said;
  const locationOf = locationBy(said);
  const toRequest = new HeaderMutations({ add: said.requestHeadersToAdd, remove: [] });
  const toResponse = new HeaderMutations({ add: said.responseHeadersToAdd, remove: [] });
  const noRoute = scope.counter('custom_response_redirect_no_route');
  const invalid = scope.counter('custom_response_invalid_uri');
  return {
    replace(stream, response) {
      const { requestHeaders: head, info } = stream;
      // As in Envoy, which waits for ever then: what is still coming belongs to the first answer.
      if (info.requestReceivedMs < 0) return 'continue';
      const target = parseTarget(locationOf(head));
      if (target === undefined) {
        invalid.increment();
        return 'continue';
      }
      const { scheme, authority, path } = head;
      Object.assign(head, target);
      toRequest.apply(head, info);
      stream.clearRoute();
      if (stream.route === undefined) {
        noRoute.increment();
        Object.assign(head, { scheme, authority, path });
        return 'continue';
      }
      head.method = 'GET';
      head.remove('content-length');
      const status = statusCode ?? response.status;
      info.responseAdjustment = (own, of) => {
        toResponse.apply(own, of);
        of.responseCode = own.status = status;
      };
      stream.recreate(response);
      return 'stop';
    },
  };
}

function locationBy({ redirectActionSpecifier: target }: RedirectPolicy): (head: RequestHeaders) => string {
  if (target.case === 'redirectAction') return redirectLocation(target.value);
  const uri = target.value ?? '';
  return () => uri;
}

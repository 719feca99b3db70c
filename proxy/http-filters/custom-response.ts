/**
 * Puts another response in the place of one (Envoy's custom_response): one of our own, or what another route answers.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/custom_response_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { CustomResponse } from '../api/envoy/extensions/filters/http/custom_response/v3/custom_response_pb.js';
import type { ResponseHeaders } from '../http/headers.ts';
import { type MatchedResponse, responseKinds } from '../matching/inputs.ts';
import { compileMatcher, type Match } from '../matching/match-tree.ts';
import type { StatsScope } from '../stats/store.ts';
import { compileResponsePolicy, type ResponsePolicy } from './custom-response-policies.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const customResponse: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.custom_response.v3.CustomResponse',
  compile(configuration, { scope }) {
    const policies = policiesOf(configuration, scope);
    return stream => new CustomResponseFilter(stream, policies);
  },
  compileRoute: (configuration, { rootScope }) => policiesOf(configuration, rootScope),
};

type Policies = Match<MatchedResponse, ResponsePolicy>;

function policiesOf(configuration: Message, scope: StatsScope): Policies {
  const { customResponseMatcher } = configuration as Message & CustomResponse;
  if (customResponseMatcher === undefined) return () => undefined;
  return compileMatcher(customResponseMatcher, {
    ...responseKinds,
    action: stated => compileResponsePolicy(stated, scope),
  });
}

class CustomResponseFilter extends StreamFilter {
  readonly #policies: Policies;

  constructor(stream: FilterStream, policies: Policies) {
    super(stream);
    this.#policies = policies;
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    const { info } = this.stream;
    if (info.responseAdjustment !== undefined) {
      info.responseAdjustment(head, info);
      return 'continue';
    }
    return this.#policyFor({ response: head })?.replace(this.stream, head) ?? 'continue';
  }

  /** The nearest level that has one for this response. */
  #policyFor(response: MatchedResponse): ResponsePolicy | undefined {
    for (const said of this.stream.routeConfigs) {
      const policy = (said as Policies | undefined)?.(response);
      if (policy !== undefined) return policy;
    }
    return this.#policies(response);
  }
}

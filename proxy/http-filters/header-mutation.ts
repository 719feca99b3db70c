/**
 * Adds, replaces and removes headers, one after the other in the order of the configuration (Envoy's header_mutation): first what the filter says, then
 * what each level of the route says.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_mutation_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { HeaderMutation as Mutation } from '../api/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js';
import type {
  Mutations as Configuration,
  HeaderMutation,
  HeaderMutationPerRoute,
} from '../api/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { Addition } from '../routing/header-mutations.ts';
import type { StreamInfo } from '../stream-info.ts';
import { type FilterStream, type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';

export const headerMutation: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  routeTypeName: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute',
  compile(configuration) {
    const said = configuration as Message & HeaderMutation;
    const own = mutationsOf(said.mutations);
    return stream => new HeaderMutationFilter(stream, own, said.mostSpecificHeaderMutationsWins);
  },
  compileRoute: configuration => mutationsOf((configuration as Message & HeaderMutationPerRoute).mutations),
};

type Change = (headers: RequestHeaders | ResponseHeaders, info: StreamInfo) => void;

interface Mutations {
  request: readonly Change[];
  response: readonly Change[];
}

function mutationsOf(said: Configuration | undefined): Mutations {
  return {
    request: said?.requestMutations.map(changeOf) ?? [],
    response: said?.responseMutations.map(changeOf) ?? [],
  };
}

function changeOf({ action }: Mutation): Change {
  if (action.case === 'append') {
    const addition = new Addition(action.value);
    return (headers, info) => addition.apply(headers, info);
  }
  const name = String(action.value).toLowerCase();
  return headers => headers.remove(name);
}

const nothingTold: readonly Mutations[] = [];

class HeaderMutationFilter extends StreamFilter {
  readonly #own: Mutations;
  readonly #mostSpecificLast: boolean;

  /** What the route says: as with Envoy, the one that there is at first holds for the response, too. */
  #levels: readonly Mutations[] | undefined;

  /** @param mostSpecificLast the route's own mutations come after those of the levels around it, so that they win */
  constructor(stream: FilterStream, own: Mutations, mostSpecificLast: boolean) {
    super(stream);
    this.#own = own;
    this.#mostSpecificLast = mostSpecificLast;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    this.#apply('request', head);
    return 'continue';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    this.#apply('response', head);
    return 'continue';
  }

  #apply(direction: keyof Mutations, head: RequestHeaders | ResponseHeaders): void {
    const { info } = this.stream;
    for (const change of this.#own[direction]) change(head, info);
    this.#levels ??= this.#toldLevels();
    for (const level of this.#levels) for (const change of level[direction]) change(head, info);
  }

  #toldLevels(): readonly Mutations[] {
    const said = this.stream.routeConfigs;
    if (said.length === 0) return nothingTold;
    const levels = said.filter(one => one !== undefined) as Mutations[];
    return this.#mostSpecificLast ? levels.reverse() : levels;
  }
}

/** Brings the requests of a session to the host that answered the first one, for as long as it can be used (Envoy's stateful_session). */
import type { Message } from '@bufbuild/protobuf';
import type {
  StatefulSession,
  StatefulSessionPerRoute,
} from '../api/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js';
import type { RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { type HttpFilterType, StreamFilter, type Verdict } from './filter.ts';
import { type SessionState, sessionStateOf } from './session-state.ts';

const typeName = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession';

export const statefulSession: HttpFilterType = {
  typeName,
  routeTypeName: `${typeName}PerRoute`,
  compile(configuration) {
    const sessions = sessionsOf(configuration as Message & StatefulSession);
    return stream => new StatefulSessionFilter(stream, sessions);
  },
  compileRoute(configuration): Sessions {
    const { override } = configuration as Message & StatefulSessionPerRoute;
    return override.case === 'statefulSession' ? sessionsOf(override.value) : { state: undefined, strict: false };
  },
};

interface Sessions {
  /** Undefined: requests have no session. */
  readonly state: SessionState | undefined;
  readonly strict: boolean;
}

const sessionsOf = ({ sessionState, strict }: StatefulSession): Sessions => ({
  state: sessionStateOf(sessionState),
  strict,
});

class StatefulSessionFilter extends StreamFilter {
  readonly #sessions: Sessions;
  /** Where this request's session is kept; undefined: it has none. */
  #state: SessionState | undefined;
  #address = '';

  constructor(stream: StreamFilter['stream'], sessions: Sessions) {
    super(stream);
    this.#sessions = (stream.routeConfig as Sessions | undefined) ?? sessions;
  }

  override onRequestHead(head: RequestHeaders): Verdict {
    const { state, strict } = this.#sessions;
    if (state?.appliesTo(head.path) !== true) return 'continue';
    this.#state = state;
    this.#address = state.read(head);
    if (this.#address !== '') this.stream.info.overrideHost = { address: this.#address, strict };
    return 'continue';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    const { upstreamHost } = this.stream.info;
    if (upstreamHost !== '' && upstreamHost !== this.#address) this.#state?.write(head, upstreamHost);
    return 'continue';
  }
}

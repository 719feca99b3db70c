/**
 * Lets a service decide whether a request may pass (Envoy's ext_authz), asked by HTTP or by gRPC.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter
 */
import type { Message } from '@bufbuild/protobuf';
import type { ExtAuthz, ExtAuthzPerRoute } from '../api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { isGrpc } from '../http/grpc.ts';
import type { HeaderMap, RequestHeaders, ResponseHeaders } from '../http/headers.ts';
import { appendHeader, replaceHeader } from '../routing/header-mutations.ts';
import { RuntimeFraction } from '../runtime/fractional-percent.ts';
import { RuntimeSwitch } from '../runtime/runtime-values.ts';
import type { Counter } from '../stats/stats.ts';
import { flag } from '../stream-info.ts';
import { type Answer, AuthorizationService, type Authorizer } from './authorization-service.ts';
import { CollectedBody } from './collected-body.ts';
import {
  type FilterContext,
  type FilterStream,
  type HttpFilterType,
  type Passed,
  type PassedTrailers,
  StreamFilter,
  type Verdict,
} from './filter.ts';
import { GrpcAuthorizationService } from './grpc-authorization-service.ts';

export const extAuthz: HttpFilterType = {
  typeName: 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
  routeTypeName: 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
  compile(configuration, context) {
    const door = new Door(configuration as Message & ExtAuthz, context);
    return stream => new ExtAuthzFilter(stream, door);
  },
  compileRoute(configuration): RouteSays {
    const { override } = configuration as Message & ExtAuthzPerRoute;
    if (override.case !== 'checkSettings')
      return { disabled: override.case === 'disabled', mostBody: undefined, extensions: {} };
    const { disableRequestBodyBuffering, withRequestBody, contextExtensions: extensions } = override.value;
    return {
      disabled: false,
      mostBody: disableRequestBodyBuffering ? 0 : withRequestBody?.maxRequestBytes,
      extensions,
    };
  },
};

interface RouteSays {
  disabled: boolean;
  /** Bytes of a body that the service sees; 0: none; undefined: as the filter says. */
  mostBody: number | undefined;
  /** What the service is told beside. */
  extensions: Readonly<Record<string, string>>;
}

/** What of Envoy's statistics has no occasion here. */
const silent = ['ignored_dynamic_metadata', 'invalid'];

const usualStatusOnError = 403;
const letsPass = 'x-envoy-auth-failure-mode-allowed';

type Outcome = 'ok' | 'denied' | 'error' | 'failure_mode_allowed';

/** One configuration, compiled. */
class Door {
  readonly service: Authorizer;
  readonly cluster: FilterContext['cluster'];
  readonly letsPassOnError: boolean;
  readonly tellsOnError: boolean;
  readonly statusOnError: number;
  readonly clearsRoute: boolean;
  readonly chargesCluster: boolean;
  readonly mostBody: number;
  readonly enabled: RuntimeFraction | undefined;
  readonly deniesAtDisable: RuntimeSwitch;
  readonly disabled: Counter;
  readonly #prefix: string;
  readonly #context: FilterContext;
  readonly #counted: Record<Outcome, Counter>;

  constructor(said: ExtAuthz, context: FilterContext) {
    if (said.services.case === undefined) throw new Error('ext_authz without a service passed the checks');
    this.service =
      said.services.case === 'httpService'
        ? new AuthorizationService(said.services.value, said.allowedHeaders, said.disallowedHeaders)
        : new GrpcAuthorizationService(said);
    this.cluster = context.cluster;
    this.#context = context;
    this.letsPassOnError = said.failureModeAllow;
    this.tellsOnError = said.failureModeAllowHeaderAdd;
    this.statusOnError = said.statusOnError?.code ?? usualStatusOnError;
    this.clearsRoute = said.clearRouteCache;
    this.chargesCluster = said.chargeClusterResponseStats ?? true;
    this.mostBody = said.withRequestBody?.maxRequestBytes ?? 0;
    this.enabled = RuntimeFraction.of(said.filterEnabled, context.runtime);
    const { defaultValue, runtimeKey = '' } = said.denyAtDisable ?? {};
    this.deniesAtDisable = new RuntimeSwitch(defaultValue ?? false, runtimeKey, context.runtime);
    this.#prefix = `ext_authz.${said.statPrefix === '' ? '' : `${said.statPrefix}.`}`;
    const counter = (name: string) => context.scope.counter(this.#prefix + name);
    this.#counted = {
      ok: counter('ok'),
      denied: counter('denied'),
      error: counter('error'),
      failure_mode_allowed: counter('failure_mode_allowed'),
    };
    this.disabled = counter('disabled');
    for (const name of silent) counter(name);
  }

  /** Counts for the filter, and for the cluster that the request would go to. */
  count(outcome: Outcome, { route }: FilterStream): void {
    this.#counted[outcome].increment();
    const cluster = route?.cluster?.clusterName;
    if (cluster === undefined || this.cluster(cluster) === undefined) return;
    this.#context.rootScope.counter(`cluster.${cluster}.${this.#prefix}${outcome}`).increment();
  }
}

class ExtAuthzFilter extends StreamFilter {
  readonly #door: Door;
  readonly #mostBody: number;
  readonly #open: boolean;
  #head: RequestHeaders | undefined;
  /** While it is collected. */
  #body: CollectedBody | undefined;
  #adjust: ((head: ResponseHeaders) => void) | undefined;
  readonly #extensions: Readonly<Record<string, string>>;
  #giveUp: () => void = () => {};

  constructor(stream: FilterStream, door: Door) {
    super(stream);
    this.#door = door;
    const said = stream.routeConfig as RouteSays | undefined;
    this.#open = said?.disabled ?? false;
    this.#extensions = said?.extensions ?? {};
    this.#mostBody = said?.mostBody ?? door.mostBody;
  }

  override onRequestHead(head: RequestHeaders, end: boolean): Verdict {
    if (this.#open) return 'continue';
    const door = this.#door;
    if (door.enabled?.includes(this.stream.random()) === false) {
      door.disabled.increment();
      if (!door.deniesAtDisable.on) return 'continue';
      this.#refuse(door.statusOnError, 'ext_authz_error');
      return 'stop';
    }
    this.#head = head;
    if (!end && this.#mostBody > 0) {
      this.#body = new CollectedBody(this.#mostBody);
      return 'collect';
    }
    return this.#ask(undefined);
  }

  override onRequestData(chunk: Buffer, end: boolean): Passed {
    if (this.#body === undefined) return chunk;
    if (!this.#body.add(chunk)) this.stream.refuseBody();
    else if (end) this.#askWithBody(this.#body, true);
    return 'hold';
  }

  override onRequestTrailers(_trailers: HeaderMap): PassedTrailers {
    if (this.#body === undefined) return 'continue';
    return this.#askWithBody(this.#body, false) ? 'continue' : 'hold';
  }

  override onResponseHead(head: ResponseHeaders): Verdict {
    this.#adjust?.(head);
    return 'continue';
  }

  override onStreamEnd(): void {
    this.#giveUp();
  }

  /** @returns whether the answer came at once, and lets the request pass */
  #askWithBody(collected: CollectedBody, end: boolean): boolean {
    this.#body = undefined;
    const body = collected.take();
    return this.#ask(body, () => this.stream.continueRequest(body, end)) === 'continue';
  }

  /** @param proceed lets the request pass once the answer is there; with a body also where that came at once */
  #ask(body: Buffer | undefined, proceed = () => this.stream.continueRequest()): Verdict {
    const { service, cluster } = this.#door;
    const { info } = this.stream;
    let verdict: Verdict = 'stop';
    let waits = body !== undefined;
    this.#giveUp = service.ask({ head: this.#head!, info, body, extensions: this.#extensions }, cluster, answer => {
      this.#giveUp = () => {};
      verdict = this.#take(answer);
      if (waits && verdict === 'continue') proceed();
    });
    waits = true;
    return verdict;
  }

  #take(answer: Answer): Verdict {
    const door = this.#door;
    door.count(answer.kind, this.stream);
    if (answer.kind === 'ok') return this.#letPass(answer);
    if (answer.kind === 'denied') {
      this.#chargeCluster(answer.status);
      this.#refuse(answer.status, 'ext_authz_denied', answer);
      return 'stop';
    }
    if (!door.letsPassOnError) {
      this.#refuse(door.statusOnError, 'ext_authz_error');
      return 'stop';
    }
    door.count('failure_mode_allowed', this.stream);
    if (door.tellsOnError) this.#head!.set(letsPass, 'true');
    return 'continue';
  }

  #letPass({ set, append, join, remove, adjust, path, metadata }: Extract<Answer, { kind: 'ok' }>): Verdict {
    const head = this.#head!;
    for (const [name, value] of set) {
      if (name === 'host') head.authority = value;
      else replaceHeader(head, name, value);
    }
    for (const [name, value] of append) appendHeader(head, name, value);
    for (const [name, value] of join) head.set(name, `${head.getAll(name)},${value}`);
    for (const name of remove) head.remove(name);
    this.#adjust = adjust;
    if (path !== undefined) head.path = path;
    if (metadata !== undefined) this.stream.info.setMetadata('envoy.filters.http.ext_authz', metadata);
    const changed = set.length + append.length + join.length + remove.length > 0 || path !== undefined;
    if (this.#door.clearsRoute && changed) this.stream.clearRoute();
    return 'continue';
  }

  /** As if the cluster had answered so, to which the request would have gone. */
  #chargeCluster(status: number): void {
    const name = this.stream.route?.cluster?.clusterName;
    const stats = this.#door.chargesCluster && name !== undefined ? this.#door.cluster(name)?.stats : undefined;
    stats?.responses.count(status);
    stats?.internalResponses.count(status);
  }

  #refuse(status: number, details: string, said?: Extract<Answer, { kind: 'denied' }>): void {
    this.stream.info.flags |= flag.UNAUTHORIZED_EXTERNAL_SERVICE;
    const body = said?.body ?? '';
    this.stream.localReply(status, body, details, head => {
      said?.adjust(head);
      // What the body is, is told with the body alone; gRPC has a type of its own in that place.
      if (body === '' && !isGrpc(this.#head)) for (const name of ['content-length', 'content-type']) head.remove(name);
    });
  }
}
